import { describe, expect, it } from 'vitest';
import { createPictureCutter, createPictureInfo, type Picture } from './picture-cutter.ts';

const line = (pts: number): string => `[Parsed_showinfo_3 @ 0x1] [info] n: 0 pts: ${pts} pts_time:0 s:8x4 i:P`;
const pictureBytes = (8 * 4 * 3) / 2;

/** What a child writes, in pieces of `pieceBytes` as far as there is room for them; stops where the cutter says so. */
function createFeed(cutter: ReturnType<typeof createPictureCutter>, bytes: Uint8Array, pieceBytes: number) {
  let at = 0;
  let reading = true;
  return {
    resume: (): void => {
      reading = true;
      while (reading && at < bytes.length) {
        const into = cutter.reader.space();
        const length = Math.min(into.length, pieceBytes, bytes.length - at);
        into.set(bytes.subarray(at, at + length));
        at += length;
        reading = cutter.reader.took(length, into);
      }
    },
    read: () => at,
  };
}

function open(pieceBytes: number, take: (picture: Picture) => Promise<void> | null) {
  const info = createPictureInfo();
  info.read('[Parsed_showinfo_3 @ 0x1] [info] config in time_base: 1/1000, frame_rate: 25/1');
  const bytes = Uint8Array.from({ length: pictureBytes * 3 }, (_value, index) => index);
  const cutter = createPictureCutter(info, take, () => feed.resume());
  const feed = createFeed(cutter, bytes, pieceBytes);
  const tell = (pts: number): void => {
    info.read(line(pts));
    cutter.poke();
  };
  return { bytes, cutter, feed, tell };
}

describe('cutting a decoder’s bytes into pictures', () => {
  it.each([1, 7, pictureBytes, 1000])('gives the same pictures from pieces of %i bytes', (pieceBytes) => {
    const seen: [number, number[]][] = [];
    const { bytes, cutter, feed, tell } = open(pieceBytes, ({ mediaMs, yuv, release }) => {
      seen.push([mediaMs, [...yuv]]);
      release();
      return null;
    });
    feed.resume();
    // Nothing is known of the size yet.
    expect(seen).toEqual([]);
    for (const pts of [0, 40, 80]) tell(pts);
    cutter.close();
    expect(seen).toEqual(
      [0, 40, 80].map((pts, index) => [pts, [...bytes.subarray(index * pictureBytes, (index + 1) * pictureBytes)]]),
    );
  });

  it('reads nothing while somebody is busy with a picture, and goes on when he is done', async () => {
    let done = (): void => undefined;
    let pictures = 0;
    const { cutter, feed, tell } = open(1000, ({ release }) => {
      pictures += 1;
      return new Promise<void>((resolve) => {
        done = () => {
          release();
          resolve();
        };
      });
    });
    for (const pts of [0, 40, 80]) tell(pts);
    expect([pictures, feed.read()]).toEqual([1, pictureBytes]);
    for (const more of [2, 3]) {
      const waiting = cutter.waiting();
      done();
      await waiting;
      expect(pictures).toBe(more);
    }
    done();
  });

  it('reads to the end what no line tells of any more, and leaves it', () => {
    let pictures = 0;
    const { bytes, cutter, feed, tell } = open(20, ({ release }) => {
      pictures += 1;
      release();
      return null;
    });
    tell(0);
    feed.resume();
    expect(feed.read()).toBeLessThan(bytes.length);
    cutter.endLines();
    cutter.close();
    expect([pictures, feed.read()]).toEqual([1, bytes.length]);
  });
});
