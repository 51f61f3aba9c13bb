/** The page of a camera in a real browser, over the real API, with a stream that the test feeds by hand. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { builtDir, ensureBuilt, launchBrowser, openPage, part, signInOn } from './test-browser.ts';
import { createApi, createVideoFeed, type CameraReport } from '../gateway/api/index.ts';
import { createTestWorld, passwords } from '../gateway/api/test-world.ts';
import type { VideoListener, VideoSeen } from '../gateway/api/collaborators.ts';
import type { CameraId } from '../gateway/domain/ids.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import { encodeStream } from '../test/support/encoded-stream.ts';

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launchBrowser();
}, 240_000);
afterAll(() => browser.close());

const gate: CameraReport = {
  ...{
    id: 'gate' as CameraId,
    name: '东门',
    area: null,
    direction: 'both',
    state: 'connected',
    cause: null,
    reason: null,
  },
  ...{ lastFrameAt: null, passages: 3, rejected: { 'too-small': 7 } },
  stream: {
    ...{ bitsPerSecond: 2_345_000, pictures: 1234, packetsLost: 5, picturesLost: 1, lastKeyAt: null, gate: 'open' },
    ...{
      gateOpenRatio: 0.25,
      decodingMs: 61_000,
      decodedWith: 'vaapi',
      framesDropped: 2,
      gopsDropped: 4,
      reconnects: 6,
      driftPpm: 40,
    },
  },
};

/** Feeds eight seconds of a moving picture again and again, at its own pace, each time as a new stream. */
function createStage() {
  const source = encodeStream({ codec: 'h264', seconds: 8, framesPerSecond: 10, size: '640x360', startMs: 1000 });
  const listeners = new Set<VideoListener>();
  let next = 0;
  const feed = createVideoFeed({
    watch: (_camera, listener) => {
      listeners.add(listener);
      if (next > 0) {
        listener.begin(source.init);
        // From the newest key frame on, as the hub does.
        for (const fragment of source.fragments.slice(Math.floor((next - 1) / 10) * 10, next)) listener.take(fragment);
      }
      return () => listeners.delete(listener);
    },
    watchMpeg1: () => null,
  });
  const timer = setInterval(() => {
    if (next === source.fragments.length) {
      for (const listener of listeners) listener.end();
      next = 0;
    }
    if (next === 0) for (const listener of listeners) listener.begin(source.init);
    const fragment = source.fragments[next];
    next += 1;
    if (fragment) for (const listener of listeners) listener.take(fragment);
  }, 100);
  onTestFinished(() => clearInterval(timer));
  return {
    feed,
    seen: (now: VideoSeen): void => {
      for (const listener of listeners) listener.seen(now);
    },
  };
}

async function start(role: 'manager' | 'admin' = 'manager', camera: CameraReport = gate) {
  const stage = createStage();
  const world = createTestWorld({ video: stage.feed });
  world.cameras = [camera];
  const options = { ...world.given.options, liveVideo: { ...world.given.options.liveVideo, role } };
  const api = createApi({ ...world.given, options, dashboardDir: join(builtDir, 'gateway') });
  await api.start(new AbortController().signal);
  onTestFinished(() => api.stop());
  const opened = await openPage(browser, api.address());
  await signInOn(opened.page, 'manager', passwords.manager);
  await opened.page.waitForSelector(part('summary'));
  await opened.page.goto(`${api.address()}/#/cameras/gate`);
  await opened.page.waitForSelector(part('figures'));
  return { ...opened, stage };
}
const state = (page: Page): Promise<string | null> => page.getAttribute(part('live-video'), 'data-state');

describe("a camera's page", () => {
  it(
    'plays on over the end of one stream and the beginning of the next, and says what the stream is like',
    { timeout: 120_000 },
    async () => {
      const { page, faults } = await start();
      await page.waitForSelector(`${part('live-video')}[data-state=playing]`, { timeout: 60_000 });
      const figures = await page.textContent(part('figures'));
      for (const words of ['2.3 Mbit/s', '1234', '25%', 'vaapi', '5 / 1', '2 / 4', '太小 7']) {
        expect(figures).toContain(words);
      }
      const seenStates = new Set<string | null>();
      await expect
        .poll(
          async () => {
            seenStates.add(await state(page));
            return seenStates.has('waiting');
          },
          { timeout: 60_000, interval: 50 },
        )
        .toBe(true);
      await page.waitForSelector(`${part('live-video')}[data-state=playing]`, { timeout: 60_000 });
      expect(faults).toEqual([]);
    },
  );

  it('draws where a plate and a face stand, and takes it away again', { timeout: 120_000 }, async () => {
    const { page, stage, faults } = await start();
    await page.waitForSelector(`${part('live-video')}[data-state=playing]`, { timeout: 60_000 });
    /** Colours of the overlay at points of the 640 × 360 picture; null where nothing is drawn. */
    const drawn = (points: readonly (readonly [number, number])[]): Promise<(string | null)[]> =>
      page.evaluate((wanted) => {
        const canvas = document.querySelector<HTMLCanvasElement>('canvas.overlay')!;
        const pen = canvas.getContext('2d')!;
        return wanted.map(([x, y]) => {
          const { data } = pen.getImageData((x / 640) * canvas.width, (y / 360) * canvas.height, 1, 1);
          return data[3] === 0 ? null : [data[0], data[1], data[2]].join();
        });
      }, points);
    const now: VideoSeen = {
      ...{ capturedAt: 5000 as EpochMs, widthPx: 1280, heightPx: 720 },
      plates: [
        { box: [200, 200, 160, 60], text: '浙B12345', accepted: true },
        { box: [600, 200, 160, 60], text: '?', accepted: false },
      ],
      faces: [[1000, 400, 80, 100]],
    };
    // The middle of each box's lower edge; then the middle of the first box, and nowhere near any.
    const points = [
      [140, 130],
      [340, 130],
      [520, 250],
      [140, 115],
      [20, 340],
    ] as const;
    const colours = ['31,143,77', '184,106,0', '47,116,208', null, null];
    await expect
      .poll(
        () => {
          stage.seen(now);
          return drawn(points);
        },
        { timeout: 30_000 },
      )
      .toEqual(colours);
    const shots = process.env['KANMEN_SHOTS'];
    if (shots !== undefined) {
      stage.seen(now);
      await page.screenshot({ path: join(shots, 'camera-overlay.png') });
    }
    await expect.poll(() => drawn(points), { timeout: 30_000 }).toEqual([null, null, null, null, null]);
    // Chromium's advice to the test, which reads the canvas again and again.
    expect(faults.filter((fault) => !fault.includes('willReadFrequently'))).toEqual([]);
  });

  it(
    'draws the zones, red where something stands, and says that the camera sees nothing',
    { timeout: 120_000 },
    async () => {
      const points = (left: number, right: number) =>
        [
          [left, 0.5],
          [right, 0.5],
          [right, 0.95],
          [left, 0.95],
        ] as const;
      const { page, faults } = await start('manager', {
        ...gate,
        rejected: { 'outside-zone': 12 },
        blind: { since: Date.now() as EpochMs, kind: 'blurred', reason: 'out of focus' },
        zones: [
          { id: 'lane', name: '读牌区', use: 'reading', points: points(0.05, 0.3), occupiedSince: null },
          { id: 'street', name: '马路', use: 'ignore', points: points(0.35, 0.6), occupiedSince: null },
          {
            ...{ id: 'fire', name: '3 号楼消防通道', use: 'fire-lane', points: points(0.65, 0.95) },
            occupiedSince: (Date.now() - 300_000) as EpochMs,
          },
        ],
      });
      await page.waitForSelector(`${part('live-video')}[data-state=playing]`, { timeout: 60_000 });
      const drawn = (): Promise<(string | null)[]> =>
        page.evaluate(() => {
          const canvas = document.querySelector<HTMLCanvasElement>('canvas.overlay')!;
          const pen = canvas.getContext('2d')!;
          // The left edge of each zone, halfway down; then between two of them.
          return [0.05, 0.35, 0.65, 0.33].map((x) => {
            let [colour, deepest] = [null as string | null, 0];
            for (let y = 0.7; y < 0.8; y += 0.005) {
              const { data } = pen.getImageData(x * canvas.width, y * canvas.height, 1, 1);
              if (data[3]! > deepest) [colour, deepest] = [[data[0], data[1], data[2]].join(), data[3]!];
            }
            return colour;
          });
        });
      await expect.poll(drawn, { timeout: 30_000 }).toEqual(['47,116,208', '122,128,135', '208,52,44', null]);
      expect(await page.textContent(part('blind'))).toContain('看不见');
      expect(await page.textContent(part('blind-why'))).toContain('失焦');
      expect(await page.locator(part('zone')).allTextContents()).toEqual([
        expect.stringMatching(/读牌区.*在此处计出入/s),
        expect.stringMatching(/马路.*不看/s),
        expect.stringMatching(/3 号楼消防通道.*消防通道.*被占用/s),
      ]);
      expect(await page.textContent(part('figures'))).toContain('在区域之外 12');
      const shots = process.env['KANMEN_SHOTS'];
      if (shots !== undefined) {
        await page.screenshot({ path: join(shots, 'camera-zones.png'), fullPage: true });
        await page.goto(page.url().replace('/cameras/gate', '/cameras'));
        await page.waitForSelector(part('camera-card'));
        await page.screenshot({ path: join(shots, 'cameras.png'), fullPage: true });
      }
      expect(faults.filter((fault) => !fault.includes('willReadFrequently'))).toEqual([]);
    },
  );

  it('says so to somebody who may not look, in words', { timeout: 60_000 }, async () => {
    const { page } = await start('admin');
    await page.waitForSelector(`${part('live-video')}[data-state=not-allowed]`, { timeout: 30_000 });
    expect(await page.textContent(part('live-note'))).toBe('您的账号不能查看实时画面');
  });

  it('says so when its codec would have to be transcoded and no transcoder is free', { timeout: 60_000 }, async () => {
    const { page } = await start();
    await page.addInitScript(() => {
      MediaSource.isTypeSupported = () => false;
    });
    await page.reload();
    await page.waitForSelector(`${part('live-video')}[data-state=busy]`, { timeout: 30_000 });
    expect(await page.textContent(part('live-note'))).toContain('转码已经占满');
  });
});
