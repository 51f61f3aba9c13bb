import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeJpeg } from '../gateway/perceive/picture.ts';
import { drawView, withParked } from './perceive/drawn-view.ts';
import { createCommunity } from './support/community.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-fire-lane-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A minute of an empty lane, then a car in it for thirteen, recorded half an hour ago. */
async function record(): Promise<string> {
  const empty = await (await drawView(4)).at(0);
  for (const [name, picture] of [
    ['empty', empty],
    ['parked', withParked(empty, 0.6, 0.7, 0.28)],
  ] as const)
    writeFileSync(join(dir, `${name}.jpg`), await encodeJpeg(picture, { maxBytes: 500_000 }));
  const file = join(dir, 'lane.mp4');
  const still = (name: string, seconds: number): string[] => [
    ...['-loop', '1', '-framerate', '1', '-t', `${seconds}`, '-i', join(dir, `${name}.jpg`)],
  ];
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-y', ...still('empty', 60), ...still('parked', 780)],
    ...['-filter_complex', '[0:v][1:v]concat=n=2,format=yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...['-g', '5', '-bf', '0', '-metadata', `creation_time=${new Date(Date.now() - 1_800_000).toISOString()}`, file],
  ]);
  return file;
}

describe('a car in the fire lane', () => {
  it(
    'that a camera sees standing for ten minutes is an alert, from picture to rule',
    { timeout: 300_000 },
    async () => {
      const file = await record();
      const community = await createCommunity({
        devices: [],
        gateway: {
          cameras: [
            {
              ...{ id: 'house-3', name: '3 号楼', url: `file:${file}`, area: 'shed', faces: false },
              zones: [
                {
                  ...{ id: 'lane', name: '消防通道', use: 'fire-lane' },
                  points: [
                    [0.2, 0.55],
                    [0.95, 0.55],
                    [0.95, 0.86],
                    [0.2, 0.86],
                  ],
                },
              ],
            },
          ],
          perception: { workers: 1 },
        },
      });
      try {
        const startedAt = Date.now();
        await community.startGateway();
        let alerts: Awaited<ReturnType<typeof community.alertsAt>> = [];
        await expect
          .poll(
            async () => {
              // That no desk answers is told of, too.
              alerts = (await community.alertsAt('gateway')).filter(({ kind }) => kind.startsWith('gate.'));
              return alerts.length;
            },
            { timeout: 240_000, interval: 3000 },
          )
          .toBeGreaterThan(0);
        expect(alerts.map(({ kind, tier }) => ({ kind, tier }))).toEqual([{ kind: 'gate.fire-lane', tier: 'yellow' }]);
        // Ten minutes of the recording took less than that.
        expect(Date.now() - startedAt).toBeLessThan(240_000);
      } finally {
        await community.close();
      }
    },
  );
});
