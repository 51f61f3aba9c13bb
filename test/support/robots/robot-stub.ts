import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Maker = 'wecom' | 'dingtalk' | 'feishu';
export type RobotMood =
  | { readonly kind: 'accept' }
  | { readonly kind: 'http'; readonly status: number; readonly retryAfterS: number | null }
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'break' }
  | { readonly kind: 'hang' };

export interface RobotStub {
  readonly url: string;
  /** What people saw. */
  readonly texts: readonly string[];
  /** Bodies that were taken, as they came. */
  readonly bodies: readonly Readonly<Record<string, unknown>>[];
  mood(mood: RobotMood): void;
  /** Requests of any kind. */
  requests(): number;
  close(): Promise<void>;
}

export const robotSecret = 'SECa0b1c2d3e4f5';

/** A group robot as its maker's documentation has it: checks key, signature, form and size, counts to its limit a minute. */
export async function openRobotStub(maker: Maker, signed = true): Promise<RobotStub> {
  let mood: RobotMood = { kind: 'accept' };
  let requests = 0;
  let times: number[] = [];
  const texts: string[] = [];
  const bodies: Readonly<Record<string, unknown>>[] = [];
  const perMinute = maker === 'feishu' ? 100 : 20;

  const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64');
  const isNear = (seconds: number): boolean => Math.abs(Date.now() / 1000 - seconds) < 3600;

  /** The code that the maker answers with; 0 = shown to the group. */
  const receive = (url: URL, body: Readonly<Record<string, unknown>>): number => {
    const nowMs = Date.now();
    times = times.filter((at) => nowMs - at < 60_000);
    const limit = { wecom: 45_009, dingtalk: 130_101, feishu: 11_232 }[maker];
    if (times.length >= perMinute) return limit;
    times.push(nowMs);
    if (maker === 'wecom') {
      const text = (body['text'] as { content?: string } | undefined)?.content;
      if (url.searchParams.get('key') !== 'k-1') return 93_000;
      if (body['msgtype'] !== 'text') return 40_008;
      if (typeof text !== 'string' || text === '') return 44_004;
      if (Buffer.byteLength(text) > 2048) return 45_002;
      texts.push(text);
    } else if (maker === 'dingtalk') {
      const timestamp = url.searchParams.get('timestamp') ?? '';
      if (url.searchParams.get('access_token') !== 'k-1') return 300_005;
      const good = hmac(robotSecret, `${timestamp}\n${robotSecret}`);
      if (signed && (url.searchParams.get('sign') !== good || !isNear(Number(timestamp) / 1000))) return 310_000;
      const text = (body['text'] as { content?: string } | undefined)?.content;
      if (body['msgtype'] !== 'text' || typeof text !== 'string') return 40_035;
      texts.push(text);
    } else {
      const timestamp = String(body['timestamp']);
      if (!url.pathname.endsWith('/hook/k-1')) return 19_001;
      if (signed && (body['sign'] !== hmac(`${timestamp}\n${robotSecret}`, '') || !isNear(Number(timestamp))))
        return 19_021;
      const text = (body['content'] as { text?: string } | undefined)?.text;
      if (body['msg_type'] !== 'text' || typeof text !== 'string') return 9499;
      texts.push(text);
    }
    bodies.push(body);
    return 0;
  };

  const server = createServer((request, response) => {
    requests += 1;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'GET') {
        response.writeHead(404).end();
        return;
      }
      switch (mood.kind) {
        case 'hang':
          return;
        case 'break':
          response.destroy();
          return;
        case 'http':
          response
            .writeHead(mood.status, mood.retryAfterS === null ? {} : { 'retry-after': String(mood.retryAfterS) })
            .end();
          return;
        case 'code':
        case 'accept': {
          const url = new URL(request.url ?? '', 'http://robot');
          const body = JSON.parse(Buffer.concat(chunks).toString()) as Readonly<Record<string, unknown>>;
          const code = mood.kind === 'code' ? mood.code : receive(url, body);
          const reply = maker === 'feishu' ? { code, msg: '', data: {} } : { errcode: code, errmsg: '' };
          response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
        }
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const path = {
    wecom: '/cgi-bin/webhook/send?key=k-1',
    dingtalk: '/robot/send?access_token=k-1',
    feishu: '/open-apis/bot/v2/hook/k-1',
  };
  return {
    url: `http://127.0.0.1:${port}${path[maker]}`,
    texts,
    bodies,
    mood: (next) => {
      mood = next;
    },
    requests: () => requests,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
