import { splitAnnexB, type Codec } from './nal-units.ts';

/** The video track of a session description (RFC 4566) that we can take as it is. */
export interface VideoTrack {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly clockRateHz: number;
  /** `a=control` of the track as written: absolute, relative, or `*`. */
  readonly control: string;
  /** Parameter sets told beforehand (RFC 6184 8.1, RFC 7798 7.1); cameras may leave them out. */
  readonly parameterSets: readonly Uint8Array[];
}

/** The audio track of a session description that goes into an MP4 as it is. */
export interface AudioTrack {
  readonly codec: 'aac' | 'pcma' | 'pcmu';
  readonly payloadType: number;
  /** Of time stamps, and of samples. */
  readonly clockRateHz: number;
  readonly channels: number;
  readonly control: string;
  /** AAC: the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). Empty for G.711. */
  readonly config: Uint8Array;
  /** AAC: bits of an access unit's size and index in its header (RFC 3640, 4.1). */
  readonly sizeBits: number;
  readonly indexBits: number;
}

/** One media section, with the map of its first payload type. */
interface MediaSection {
  readonly kind: string;
  readonly payloadType: number;
  /** Name of the codec, upper case. */
  readonly name: string;
  readonly clockRateHz: number | null;
  readonly channels: number | null;
  readonly control: string;
  readonly format: string;
}

function* sectionsOf(sdp: string): Generator<MediaSection> {
  for (const section of sdp.split(/\r?\n(?=m=)/).slice(1)) {
    const lines = section.split(/\r?\n/);
    const media = /^m=(video|audio)\s+\d+\s+RTP\/AVPF?(?:\/\S+)?\s+(\d+)/i.exec(lines[0] ?? '');
    if (!media) continue;
    const payloadType = Number(media[2]);
    const attribute = (name: string): string | null => {
      const found = lines.find((line) => line.toLowerCase().startsWith(`a=${name}:`));
      return found ? found.slice(found.indexOf(':') + 1).trim() : null;
    };
    const map = lines
      .map((line) => /^a=rtpmap:(\d+)\s+([^/\s]+)\/(\d+)(?:\/(\d+))?/i.exec(line))
      .find((found) => found !== null && Number(found[1]) === payloadType);
    yield {
      kind: (media[1] ?? '').toLowerCase(),
      payloadType,
      name: (map?.[2] ?? staticNames[payloadType] ?? String(payloadType)).toUpperCase(),
      clockRateHz: map?.[3] === undefined ? null : Number(map[3]),
      channels: map?.[4] === undefined ? null : Number(map[4]),
      control: attribute('control') ?? '*',
      format: attribute('fmtp') ?? '',
    };
  }
}

/** Payload types that need no map: RFC 3551 table 4. */
const staticNames: Readonly<Record<number, string>> = { 0: 'PCMU', 8: 'PCMA' };

/** The first H.264 or H.265 track, and what other video there is in its place: `null` track with the names of its codecs. */
export function readVideoTrack(sdp: string): { readonly track: VideoTrack | null; readonly others: readonly string[] } {
  const others: string[] = [];
  for (const { kind, payloadType, name, clockRateHz, control, format } of sectionsOf(sdp)) {
    if (kind !== 'video') continue;
    const codec = name === 'H264' ? 'h264' : name === 'H265' || name === 'HEVC' ? 'hevc' : null;
    if (codec === null) {
      others.push(name);
      continue;
    }
    const track = { codec, payloadType, control, clockRateHz: clockRateHz ?? 90_000 } as const;
    return { track: { ...track, parameterSets: spropSets(format) }, others };
  }
  return { track: null, others };
}

/** The first track of AAC (RFC 3640, AAC-hbr) or G.711 (RFC 3551); null where there is none. */
export function readAudioTrack(sdp: string): AudioTrack | null {
  for (const { kind, payloadType, name, clockRateHz, channels, control, format } of sectionsOf(sdp)) {
    if (kind !== 'audio') continue;
    const parameter = (wanted: string): string | null =>
      new RegExp(`(?:^|[;\\s])${wanted}\\s*=\\s*([^;\\s]+)`, 'i').exec(format)?.[1] ?? null;
    const common = { payloadType, control, channels: channels ?? 1, sizeBits: 0, indexBits: 0 };
    if (name === 'PCMA' || name === 'PCMU') {
      const codec = name === 'PCMA' ? 'pcma' : 'pcmu';
      return { ...common, codec, clockRateHz: clockRateHz ?? 8000, config: new Uint8Array() };
    }
    const config = Buffer.from(parameter('config') ?? '', 'hex');
    const sizeBits = Number(parameter('sizelength') ?? '0');
    const indexBits = Number(parameter('indexlength') ?? '0');
    if (name !== 'MPEG4-GENERIC' || clockRateHz === null || config.length < 2 || sizeBits + indexBits !== 16) continue;
    return { ...common, codec: 'aac', clockRateHz, config, sizeBits, indexBits };
  }
  return null;
}

function spropSets(format: string): Uint8Array[] {
  return [...format.matchAll(/sprop-(?:parameter-sets|vps|sps|pps)\s*=\s*([^;\s]+)/gi)]
    .flatMap(([, list]) => (list ?? '').split(','))
    .map((text) => Buffer.from(text, 'base64'))
    .flatMap((bytes) => {
      // Some cameras put Annex B start codes into the base64.
      const units = splitAnnexB(bytes);
      return units.length > 0 ? units : [bytes];
    })
    .filter((bytes) => bytes.length > 1);
}

/** The address to SETUP: RFC 2326 C.1.1, and what cameras make of it (a base with a query, without a slash at its end). */
export function controlUrl(base: string, control: string): string {
  if (control === '*' || control === '') return base;
  if (/^rtsps?:\/\//i.test(control)) return control;
  return base.endsWith('/') ? `${base}${control}` : `${base}/${control}`;
}
