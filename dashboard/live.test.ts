/** The whole gateway with real cameras and a real browser: live pictures as they come and transcoded, and clips. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ensureBuilt, launchBrowser, openPage, part, signInOn } from './test-browser.ts';
import { startGstRtspServer, type GstRtspServer } from '../test/support/gst-rtsp-server.ts';
import {
  addDevices,
  createTestFolder,
  kanmen,
  startKanmen,
  type IssuedCredential,
  type KanmenProcess,
} from '../test/support/kanmen-process.ts';

const folder = createTestFolder();
const passwords = { manager: 'night-duty-4711', viewer: 'only-looking-4711' };
const servers: GstRtspServer[] = [];
let gateway: KanmenProcess;
let browser: Browser;
let sensor: IssuedCredential;
/** Pictures of the pages, for a person to look at. */
const shots = process.env['KANMEN_SHOTS'];

beforeAll(async () => {
  ensureBuilt();
  for (const codec of ['h264', 'h265']) {
    servers.push(await startGstRtspServer(['--codec', codec, '--fps', '15', '--user', 'cam', '--password', 'word']));
  }
  const [h264, h265] = servers;
  const config = folder.write('kanmen.yaml', {
    site: { id: 'garden', name: '花园小区' },
    dataDir: join(folder.dir, 'data'),
    areas: [{ id: 'shed', name: '1号车棚' }],
    cameras: [
      { id: 'shed-cam', name: '车棚', area: 'shed', url: `rtsp://cam:word@127.0.0.1:${h264?.port}/live` },
      { id: 'gate-cam', name: '东门', url: `rtsp://cam:word@127.0.0.1:${h265?.port}/live` },
    ],
    perception: { workers: 1 },
    evidence: { clips: { before: '4s', after: '2s' } },
    mqtt: { listen: '127.0.0.1:0' },
    api: { listen: '127.0.0.1:0' },
    log: { level: 'info' },
  });
  for (const role of ['manager', 'viewer'] as const) {
    const { code, stderr } = await kanmen(
      ['users', 'add', role, '--role', role, '--password-file', '-', '-c', config],
      `${passwords[role]}\n`,
    );
    if (code !== 0) throw new Error(stderr);
  }
  [sensor] = (await addDevices(config, ['fire/f-1'], 'shed')) as [IssuedCredential];
  gateway = await startKanmen('run', config);
  browser = await launchBrowser();
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
  for (const server of servers) await server.stop();
  folder.remove();
});

/** How many of the gateway's children transcode now. */
function transcoders(): number {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        return (
          Number(parent) === gateway.child.pid && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('mpeg1video')
        );
      } catch {
        return false;
      }
    }).length;
}
async function metric(name: string): Promise<number | undefined> {
  const text = await (await fetch(`${gateway.ready.api}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}
const figure = (name: string, camera: string): Promise<number | undefined> =>
  metric(`kanmen_camera_${name}{camera="${camera}"}`);

async function openCamera(
  camera: string,
  role: keyof typeof passwords = 'manager',
): Promise<{ page: Page; faults: string[] }> {
  const opened = await openPage(browser, gateway.ready.api);
  await signInOn(opened.page, role, passwords[role]);
  await opened.page.waitForSelector(part('summary'), { timeout: 60_000 });
  await opened.page.goto(`${gateway.ready.api}/#/cameras/${camera}`);
  await opened.page.waitForSelector('main h1', { timeout: 60_000 });
  return opened;
}
const shown = async (page: Page): Promise<number> =>
  Number(await page.getAttribute(part('live-video'), 'data-shown').catch(() => '0'));
const screenshot = async (page: Page, name: string): Promise<void> => {
  if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
};
/** Whether what an element shows is a picture and not one colour: the spread of its brightness, as a person sees it. */
const spread = async (page: Page, selector: string): Promise<number> => {
  const { channels } = await sharp(await page.locator(selector).screenshot()).stats();
  return channels[1] ? channels[1].max - channels[1].min : 0;
};

describe('live pictures in a browser', () => {
  it('play as the camera sends them, and go on', { timeout: 180_000 }, async () => {
    await expect.poll(() => figure('pictures_total', 'shed-cam'), { timeout: 60_000 }).toBeGreaterThan(30);
    const { page, faults } = await openCamera('shed-cam');
    await page.waitForSelector(`${part('live-video')}[data-state=playing]`, { timeout: 60_000 });
    expect(await page.getAttribute(part('live-video'), 'data-form')).toBe('mp4');
    const time = (): Promise<number> => page.evaluate(() => document.querySelector('video')!.currentTime);
    const before = await time();
    await expect.poll(time, { timeout: 30_000 }).toBeGreaterThan(before + 1);
    expect(await spread(page, 'video')).toBeGreaterThan(100);
    expect(await page.evaluate(() => document.querySelector('video')!.videoWidth)).toBe(640);
    // Near the newest picture, not behind it.
    const lag = await page.evaluate(() => {
      const video = document.querySelector('video')!;
      return video.buffered.end(video.buffered.length - 1) - video.currentTime;
    });
    expect(lag).toBeLessThan(4);
    await screenshot(page, 'camera-mp4');
    expect(transcoders()).toBe(0);

    // A second viewer costs the camera nothing: it is still the same one connection.
    const second = await openCamera('shed-cam');
    await second.page.waitForSelector(`${part('live-video')}[data-state=playing]`, { timeout: 60_000 });
    expect(await figure('restarts_total', 'shed-cam')).toBe(0);
    expect(await figure('bits_per_second', 'shed-cam')).toBeGreaterThan(10_000);
    await second.page.close();
    await page.click(part('nav-/cameras'));
    await page.waitForSelector(part('camera-card'));
    await screenshot(page, 'cameras');
    expect([...faults, ...second.faults]).toEqual([]);
  });

  it(
    'come as MPEG-1 where the browser says no to the codec, one transcoder for all, none for nobody',
    { timeout: 240_000 },
    async () => {
      await expect.poll(() => figure('pictures_total', 'gate-cam'), { timeout: 60_000 }).toBeGreaterThan(30);
      const first = await openCamera('gate-cam');
      await first.page.waitForSelector(`${part('live-video')}[data-form=mpeg1][data-state=playing]`, {
        timeout: 90_000,
      });
      const second = await openCamera('gate-cam');
      await second.page.waitForSelector(`${part('live-video')}[data-form=mpeg1][data-state=playing]`, {
        timeout: 90_000,
      });
      expect(transcoders()).toBe(1);
      for (const { page } of [first, second]) {
        const before = await shown(page);
        await expect.poll(() => shown(page), { timeout: 60_000 }).toBeGreaterThan(before + 10);
        expect(await spread(page, 'canvas.picture')).toBeGreaterThan(100);
      }
      await screenshot(first.page, 'camera-mpeg1');
      expect([...first.faults, ...second.faults]).toEqual([]);
      await first.page.close();
      expect(transcoders()).toBe(1);
      await second.page.close();
      await expect.poll(transcoders, { timeout: 30_000 }).toBe(0);
    },
  );

  it('are not for viewers nor for anybody without a login', { timeout: 120_000 }, async () => {
    const { page } = await openCamera('shed-cam', 'viewer');
    await page.waitForSelector(part('no-live'), { timeout: 60_000 });
    expect(await page.locator(part('live-video')).count()).toBe(0);
    const socket = new WebSocket(`${gateway.ready.api.replace('http', 'ws')}/api/cameras/shed-cam/video`);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('401');
  });
});

describe('an alert', () => {
  it('gets a clip of its camera, from before it to after it, that plays', { timeout: 180_000 }, async () => {
    // The ring holds what comes before the alarm.
    await expect.poll(() => figure('pictures_total', 'shed-cam'), { timeout: 60_000 }).toBeGreaterThan(120);
    const device = await mqtt.connectAsync(gateway.ready.mqtt!, {
      username: sensor.username,
      password: sensor.password,
    });
    await device.publishAsync(
      `${sensor.topicPrefix}/alarm`,
      JSON.stringify({ v: 1, ts: new Date().toISOString(), device: 'f-1', kind: 'smoke', active: true }),
      { qos: 1 },
    );
    await device.endAsync();
    const { page, faults } = await openPage(browser, gateway.ready.api);
    await signInOn(page, 'manager', passwords.manager);
    await page.waitForSelector(part('alert'), { timeout: 60_000 });
    await page.click(part('alert'));
    // It comes some seconds after the alert, to a page that is open already.
    await page.waitForSelector(part('clip-note'), { timeout: 90_000 });
    expect(await page.locator(part('clip')).count()).toBe(0);
    await page.click(part('unblur'));
    await page.waitForSelector(part('clip'));
    const duration = (): Promise<number> =>
      page.evaluate(() => document.querySelector<HTMLVideoElement>('[data-test=clip]')!.duration);
    await expect.poll(duration, { timeout: 30_000 }).toBeGreaterThan(5);
    expect(await duration()).toBeLessThan(10);
    await page.evaluate(() => document.querySelector<HTMLVideoElement>('[data-test=clip]')!.play());
    await expect
      .poll(() => page.evaluate(() => document.querySelector<HTMLVideoElement>('[data-test=clip]')!.currentTime), {
        timeout: 30_000,
      })
      .toBeGreaterThan(0.5);
    await screenshot(page, 'alert-clip');
    await page.evaluate(() =>
      document.querySelector<HTMLVideoElement>('[data-test=clip]')!.removeAttribute('controls'),
    );
    expect(await spread(page, '[data-test=clip]')).toBeGreaterThan(150);
    const bytes = await page.evaluate(async () => {
      const reply = await fetch(document.querySelector<HTMLVideoElement>('[data-test=clip]')!.src);
      return [...new Uint8Array(await reply.arrayBuffer())];
    });
    const file = join(folder.dir, 'clip.mp4');
    writeFileSync(file, Buffer.from(bytes));
    const probed = execFileSync('ffprobe', [
      ...['-v', 'error', '-of', 'csv=p=0', '-show_entries', 'stream=codec_name,width', file],
    ]).toString();
    expect(probed.trim()).toBe('h264,640');
    if (shots !== undefined) writeFileSync(join(shots, 'clip.mp4'), Buffer.from(bytes));
    // Every picture has what it refers to.
    expect(execFileSync('ffmpeg', ['-v', 'warning', '-i', file, '-f', 'null', '-'], { stdio: 'pipe' }).toString()).toBe(
      '',
    );
    // A camera's picture and not a black one: the ball is white.
    const first = execFileSync('ffmpeg', [
      ...['-v', 'error', '-i', file, '-frames:v', '1', '-f', 'image2pipe', '-c:v', 'png', '-'],
    ]);
    expect((await sharp(first).stats()).channels[0]?.max).toBeGreaterThan(150);
    expect(faults).toEqual([]);
  });
});
