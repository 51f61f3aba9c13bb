export interface RtspRequest {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

const longestHead = 16_384;

/**
 * Reads RTSP requests from a TCP stream (RFC 2326, 6), skipping interleaved frames (10.12) that players send with their
 * receiver reports. Throws on what is neither.
 */
export function createRequestReader(onRequest: (request: RtspRequest) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (rest.length === 0) return;
      if (rest[0] === 0x24) {
        if (rest.length < 4 || rest.length < 4 + rest.readUInt16BE(2)) return;
        rest = rest.subarray(4 + rest.readUInt16BE(2));
        continue;
      }
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) {
        if (rest.length > longestHead) throw new Error('not RTSP: no end of the request head');
        return;
      }
      const [first = '', ...lines] = rest.subarray(0, end).toString('utf8').split('\r\n');
      const [method = '', url = '', version] = first.split(' ');
      if (version !== 'RTSP/1.0') throw new Error('not RTSP/1.0');
      const headers = new Map(
        lines.map((line) => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
        }),
      );
      const length = Number(headers.get('content-length') ?? '0');
      if (rest.length < end + 4 + length) return;
      rest = rest.subarray(end + 4 + length);
      onRequest({ method, url, headers });
    }
  };
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  461: 'Unsupported Transport',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

export function formatResponse(status: number, headers: Readonly<Record<string, string>>, body = ''): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `RTSP/1.0 ${status} ${reasons[status] ?? 'Unknown'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

export interface Transport {
  readonly over: 'tcp' | 'udp';
  /** Channels (TCP) or client ports (UDP) for RTP and RTCP. */
  readonly pair: readonly [number, number];
}

/** The first transport of a SETUP that we speak (RFC 2326, 12.39), or null. */
export function parseTransport(header: string): Transport | null {
  for (const choice of header.split(',')) {
    const parts = choice.trim().split(';');
    const pairOf = (name: string): readonly [number, number] | null => {
      const found = new RegExp(`^${name}=(\\d+)(?:-(\\d+))?$`).exec(parts.find((p) => p.startsWith(`${name}=`)) ?? '');
      return found ? [Number(found[1]), Number(found[2] ?? Number(found[1]) + 1)] : null;
    };
    if (parts.includes('multicast')) continue;
    if (parts[0] === 'RTP/AVP/TCP') return { over: 'tcp', pair: pairOf('interleaved') ?? [0, 1] };
    const ports = pairOf('client_port');
    if ((parts[0] === 'RTP/AVP' || parts[0] === 'RTP/AVP/UDP') && ports) return { over: 'udp', pair: ports };
  }
  return null;
}

/** Session description of one track (RFC 4566): H.264 (fmtp as RFC 6184, 8.2.1), or H.265 where there is a VPS (RFC 7798, 7.2). */
export function describeSession(options: {
  readonly name: string;
  readonly address: string;
  readonly sps: Buffer;
  readonly pps: Buffer;
  readonly vps?: Buffer;
  readonly fps: number;
}): string {
  const profile = options.sps.subarray(1, 4).toString('hex').toUpperCase();
  const [sps, pps, vps] = [options.sps, options.pps, options.vps].map((set) => set?.toString('base64'));
  const format =
    vps === undefined
      ? [
          'a=rtpmap:96 H264/90000',
          `a=fmtp:96 packetization-mode=1;profile-level-id=${profile};sprop-parameter-sets=${sps},${pps}`,
        ]
      : ['a=rtpmap:96 H265/90000', `a=fmtp:96 sprop-vps=${vps};sprop-sps=${sps};sprop-pps=${pps}`];
  return [
    'v=0',
    `o=- 1 1 IN IP4 ${options.address}`,
    `s=${options.name}`,
    'c=IN IP4 0.0.0.0',
    't=0 0',
    'a=control:*',
    'a=range:npt=0-',
    'm=video 0 RTP/AVP 96',
    ...format,
    `a=framerate:${options.fps}`,
    'a=control:trackID=0',
    '',
  ].join('\r\n');
}
