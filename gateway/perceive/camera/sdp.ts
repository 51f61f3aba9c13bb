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

/** The first H.264 or H.265 track, and what other video there is in its place: `null` track with the names of its codecs. */
export function readVideoTrack(sdp: string): { readonly track: VideoTrack | null; readonly others: readonly string[] } {
  const others: string[] = [];
  const sections = sdp.split(/\r?\n(?=m=)/).slice(1);
  for (const section of sections) {
    const lines = section.split(/\r?\n/);
    const media = /^m=video\s+\d+\s+RTP\/AVPF?(?:\/\S+)?\s+(\d+)/i.exec(lines[0] ?? '');
    if (!media) continue;
    const payloadType = Number(media[1]);
    const attribute = (name: string): string | null => {
      const found = lines.find((line) => line.toLowerCase().startsWith(`a=${name}:`));
      return found ? found.slice(found.indexOf(':') + 1).trim() : null;
    };
    const map = lines
      .map((line) => /^a=rtpmap:(\d+)\s+([^/\s]+)\/(\d+)/i.exec(line))
      .find((found) => found !== null && Number(found[1]) === payloadType);
    const name = (map?.[2] ?? String(payloadType)).toUpperCase();
    const codec = name === 'H264' ? 'h264' : name === 'H265' || name === 'HEVC' ? 'hevc' : null;
    if (codec === null) {
      others.push(name);
      continue;
    }
    const format = attribute('fmtp') ?? '';
    const track: VideoTrack = {
      codec,
      payloadType,
      clockRateHz: Number(map?.[3] ?? '90000'),
      control: attribute('control') ?? '*',
      parameterSets: spropSets(format),
    };
    return { track, others };
  }
  return { track: null, others };
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
