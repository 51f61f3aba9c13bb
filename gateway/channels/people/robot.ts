import { z } from 'zod';
import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import { GatewayError } from '../../lib/errors.ts';
import { openProxy, type ProxyOptions } from '../proxy.ts';
import { readSecretFile } from '../secret-file.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import { judge } from '../webhook/codec.ts';
import { createHttpClient, type Exchange } from '../webhook/http-exchange.ts';
import { messageOf, plainText, type PeopleMessage } from './message.ts';
import { createRate } from './rate.ts';

export interface RobotOptions {
  readonly urlFile: string;
  readonly secretFile?: string | undefined;
  readonly perMinute: number;
  readonly mention: readonly string[];
  readonly canary: 'reach' | 'message';
  readonly linkBase?: string | undefined;
  readonly language: 'zh' | 'en';
  readonly timeout: number;
  readonly proxy?: ProxyOptions;
}

/** How one maker's robot is spoken to. */
export interface RobotProtocol {
  readonly kind: string;
  readonly maxBytes: number;
  /** Address and body of one message. `secret` is null where none is configured. */
  request(
    given: { readonly url: URL; readonly text: string; readonly mention: readonly string[] },
    secret: string | null,
    nowMs: number,
  ): { readonly url: URL; readonly body: unknown };
  /** What a code in the reply means; null: taken. */
  judge(
    code: number,
  ): { readonly kind: 'retry'; readonly afterMs: number | null } | { readonly kind: 'rejected' } | null;
}

const replySchema = z
  .looseObject({ errcode: z.number().optional(), code: z.number().optional(), StatusCode: z.number().optional() })
  .transform(({ errcode, code, StatusCode }) => errcode ?? code ?? StatusCode ?? null);

/** Opens a group robot: reads its address and secret; connects when it first sends. Throws `config.secret-missing`. */
export async function openRobot(
  protocol: RobotProtocol,
  options: RobotOptions,
  setup: ChannelSetup,
): Promise<OpenChannel> {
  const address = (await readSecretFile(setup, options.urlFile, 'robot’s address')).trim();
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new GatewayError('config.secret-missing', `urlFile of channel ${setup.id} holds no http address`, {
      facts: { channel: setup.id, file: options.urlFile },
    });
  const secret =
    options.secretFile === undefined ? null : (await readSecretFile(setup, options.secretFile, 'secret')).trim();
  const { clock } = setup;
  const proxy = await openProxy(setup, options.proxy);
  const client = createHttpClient({ clock, ca: null, allowPrivate: true, allowHosts: [], proxy });
  const rate = createRate(clock, options.perMinute);

  const exchange = (method: 'GET' | 'POST', url: URL, body: unknown, signal: AbortSignal): Promise<Exchange> =>
    client.exchange({
      ...{ method, url, timeoutMs: options.timeout, maxReplyBytes: 64_000, signal },
      headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'kanmen' },
      body: body === null ? null : Buffer.from(JSON.stringify(body)),
    });

  const reach = async (signal: AbortSignal): Promise<DeliveryResult> => {
    const answer = await exchange('GET', new URL(new URL(address).origin), null, signal);
    return answer.kind === 'failed'
      ? { kind: 'retry', reason: answer.reason, afterMs: null }
      : { kind: 'delivered', receipt: `reached, nothing shown (status ${answer.status})`, feedback: [] };
  };

  const verdict = (answer: Exchange): DeliveryResult => {
    const byHttp = judge(answer, clock.now());
    if (byHttp !== 'received') return byHttp;
    const code = answer.kind === 'reply' ? codeOf(answer.body) : null;
    if (code === null) return { kind: 'retry', reason: 'the reply is not that of a robot', afterMs: null };
    const judged = protocol.judge(code);
    if (judged === null) return { kind: 'delivered', receipt: `code ${code}`, feedback: [] };
    const reason = `the robot answers with code ${code}`;
    if (judged.kind === 'rejected') return { kind: 'rejected', reason };
    if (judged.afterMs !== null) rate.full();
    return { kind: 'retry', reason, afterMs: judged.afterMs };
  };

  const send = async (delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> => {
    if (delivery.item === 'canary' && options.canary === 'reach') return reach(signal);
    const message = messageOf(delivery, { linkBase: options.linkBase ?? null, language: options.language });
    if (!message) return { kind: 'rejected', reason: 'there are no words for this' };
    const waitMs = rate.take(message.urgent);
    if (waitMs > 0) return { kind: 'retry', reason: 'the robot’s limit per minute is reached', afterMs: waitMs };
    const { url, body } = protocol.request(
      {
        url: new URL(address),
        text: plainText(message, options.language, protocol.maxBytes),
        mention: mentioned(message, options),
      },
      secret,
      clock.now(),
    );
    return verdict(await exchange('POST', url, body, signal));
  };

  return {
    channel: { id: setup.id, kind: protocol.kind, send, listen: () => Promise.resolve() },
    close: () => client.close(),
  };
}

const mentioned = ({ urgent }: PeopleMessage, { mention }: RobotOptions): readonly string[] => (urgent ? mention : []);

function codeOf(body: Uint8Array): number | null {
  try {
    return replySchema.safeParse(JSON.parse(new TextDecoder().decode(body))).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
