import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CameraId } from '../../gateway/domain/ids.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import {
  createPerception,
  type CameraChange,
  type InspectLine,
  type PassageCandidate,
  type PassageJpegs,
  type Perception,
  type PerceptionRequest,
} from '../../gateway/perceive/index.ts';
import { cameraOptions, modelsOptions, perceptionOptions } from '../../gateway/perceive/options.ts';
import { drawPlate } from '../support/simulators/plate-picture.ts';
import { videoHeightPx, videoWidthPx, writeGateVideo } from './gate-video.ts';

const folder = mkdtempSync(join(tmpdir(), 'kanmen-perception-'));
const video = join(folder, 'gate.mp4');
const running: Perception[] = [];

beforeAll(async () => {
  await writeGateVideo(video, 16, [
    { plate: { text: '浙B12345', kind: 'small', color: 'blue' }, fromS: 0.5, standsS: 3, untilS: 6.5 },
    {
      plate: { text: '沪AD56789', kind: 'nev-small', color: 'green' },
      fromS: 9,
      standsS: 12,
      untilS: 13.5,
      away: true,
    },
  ]);
}, 120_000);
afterEach(async () => {
  for (const perception of running.splice(0)) await perception.stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function started(settings: Partial<PerceptionRequest> = {}): Promise<Perception> {
  const perception = createPerception({
    cameras: [],
    models: modelsOptions.parse({}),
    perception: perceptionOptions.parse({ workers: 1, goneAfter: '1s' }),
    clock: systemClock,
    logger: silentLogger,
    unit: () => 0.5,
    onPassage: () => Promise.resolve(),
    onCamera: () => undefined,
    ...settings,
  });
  running.push(perception);
  await perception.start(new AbortController().signal);
  return perception;
}
async function inspectAll(perception: Perception, files: readonly string[], crop = false): Promise<InspectLine[]> {
  const lines: InspectLine[] = [];
  for await (const line of perception.inspect(files, { crop })) lines.push(line);
  return lines;
}
/** Waits for a condition by asking again; the test's own time limit ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('inspect', () => {
  it('prints one line for each file in order, and goes on after a file that cannot be read', async () => {
    const plate = join(folder, 'plate.png');
    writeFileSync(plate, drawPlate({ text: '浙B12345', kind: 'small', color: 'blue' }, 0.4).toBuffer('image/png'));
    const broken = join(folder, 'broken.jpg');
    writeFileSync(broken, 'nothing of a picture');
    const missing = join(folder, 'missing.jpg');
    const lines = await inspectAll(await started(), [plate, broken, missing, plate], true);
    expect(lines.map(({ file }) => file)).toEqual([plate, broken, missing, plate]);
    expect(
      lines.map((line) => ('error' in line ? line.error.code : 'plates' in line ? line.plates.length : -1)),
    ).toEqual([1, 'picture.unreadable', 'picture.unreadable', 1]);
    const [first] = lines;
    if (!first || !('plates' in first)) throw new Error('no plates');
    const expected = ['file', 'plates', 'faces', 'rejected', 'timings_ms'];
    expect(Object.keys(first)).toEqual(expected);
    expect(Object.keys(first.plates[0]!)).toEqual([
      'text',
      'accepted',
      'confidence',
      'characters',
      'kind',
      'color',
      'box',
      'corners',
    ]);
    expect(first.plates[0]).toMatchObject({ text: '浙B12345', accepted: true, kind: 'small', color: 'blue' });
  });

  it('reads a truncated picture and one turned by its EXIF', async () => {
    const portrait = readFileSync(new URL('../support/simulators/pictures/eileen-collins.jpg', import.meta.url));
    const cut = join(folder, 'cut.jpg');
    writeFileSync(cut, portrait.subarray(0, Math.floor(portrait.length * 0.9)));
    const turned = join(folder, 'turned.jpg');
    writeFileSync(turned, await sharp(portrait).rotate(270).withMetadata({ orientation: 6 }).jpeg().toBuffer());
    const lines = await inspectAll(await started(), [cut, turned]);
    expect(lines.map((line) => ('faces' in line ? line.faces.length : line))).toEqual([1, 1]);
  });

  it('gives the passages of a video, one for each visit, through the tracker', async () => {
    const [line] = await inspectAll(await started(), [video]);
    if (!line || !('passages' in line)) throw new Error(JSON.stringify(line));
    expect(line.passages.map(({ text, accepted, direction }) => ({ text, accepted, direction }))).toEqual([
      { text: '浙B12345', accepted: true, direction: 'in' },
      { text: '沪AD56789', accepted: true, direction: 'out' },
    ]);
    const [first, second] = line.passages;
    expect(first?.startMs).toBeLessThan(3000);
    // It stood still until it was gone, and is one row all the same.
    expect(first?.endMs).toBeGreaterThan(5500);
    expect(first?.endMs).toBeLessThan(7500);
    expect(first?.readAtMs).toBeGreaterThan(first?.startMs ?? 0);
    expect(second?.startMs).toBeGreaterThan(8500);
    expect(second).toMatchObject({ kind: 'nev-small', color: 'green' });
  }, 120_000);

  it('says that a file with a video header and no video in it cannot be decoded', async () => {
    const fake = join(folder, 'fake.mp4');
    writeFileSync(fake, Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.alloc(500)]));
    const [line] = await inspectAll(await started(), [fake]);
    expect(line).toMatchObject({ file: fake, error: { code: 'video.unreadable' } });
  });
});

describe('cameras', () => {
  const camera = cameraOptions.parse({ id: 'gate', name: '东门', url: pathToFileURL(video).href, framesPerSecond: 4 });

  it('hand over each passage once, with the frame that was read and its pictures', async () => {
    const passages: { passage: PassageCandidate; jpegs: PassageJpegs }[] = [];
    const changes: CameraChange[] = [];
    const perception = await started({
      cameras: [camera],
      onPassage: (passage, jpegs) => {
        passages.push({ passage, jpegs });
        return Promise.resolve();
      },
      onCamera: (change) => changes.push(change),
    });
    await until(() => changes.some(({ change }) => change === 'connected'));
    await until(() => passages.length === 2);
    expect(passages.map(({ passage }) => [passage.subject, passage.plate?.text, passage.direction])).toEqual([
      ['vehicle', '浙B12345', 'in'],
      ['vehicle', '沪AD56789', 'out'],
    ]);
    for (const { passage, jpegs } of passages) {
      expect(jpegs.frame.length).toBeLessThanOrEqual(200_000);
      const { width, height } = await sharp(jpegs.frame).metadata();
      expect([width, height]).toEqual([videoWidthPx, videoHeightPx]);
      expect(passage.readAt).toBeGreaterThanOrEqual(passage.startedAt);
      expect(passage.readAt).toBeLessThanOrEqual(passage.endedAt);
      // The evidence shows the plate it is evidence of: read it again out of the crop.
      const cropped = join(folder, 'evidence.jpg');
      writeFileSync(cropped, jpegs.frame);
      const [line] = await inspectAll(perception, [cropped]);
      expect(line && 'plates' in line ? line.plates.map(({ text }) => text) : []).toContain(passage.plate?.text);
    }
    const snapshot = await perception.snapshot('gate' as CameraId);
    expect((await sharp(snapshot?.jpeg).metadata()).width).toBe(videoWidthPx);
    await until(() => (perception.cameras()[0]?.counters.passages ?? 0) === 2);
    expect(perception.cameras()[0]?.counters.frames).toBeGreaterThan(20);
    expect(perception.report().map(({ name }) => name)).toEqual([
      'camera → gate',
      'decoder → detector',
      'sighting → events',
    ]);
  }, 120_000);

  it('go on after a passage that could not be stored', async () => {
    const seen: (string | undefined)[] = [];
    await started({
      cameras: [camera],
      onPassage: (passage) => {
        seen.push(passage.plate?.text);
        return Promise.reject(new Error('the disk is full'));
      },
    });
    await until(() => seen.length === 2);
    expect(seen).toEqual(['浙B12345', '沪AD56789']);
  }, 120_000);

  it('do not wait for one another: one whose passages nobody takes holds up no other of the same thread', async () => {
    const seen: string[] = [];
    let release: () => void = () => undefined;
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    await started({
      cameras: [camera, { ...camera, id: 'other', name: '西门' }],
      onPassage: (passage) => {
        seen.push(`${passage.camera} ${passage.plate?.text}`);
        return passage.camera === 'gate' ? stuck : Promise.resolve();
      },
    });
    await until(() => seen.length === 3);
    expect([...seen].sort()).toEqual(['gate 浙B12345', 'other 沪AD56789', 'other 浙B12345'].sort());
    release();
    await until(() => seen.length === 4);
  }, 120_000);

  it('have no snapshot before their first picture, and a failed link is told of once', async () => {
    const changes: CameraChange[] = [];
    const url = 'rtsp://127.0.0.1:9/none';
    const perception = await started({ cameras: [{ ...camera, url }], onCamera: (change) => changes.push(change) });
    expect(await perception.snapshot('gate' as CameraId)).toBe(null);
    await until(() => changes.length > 0);
    expect(changes.map(({ change }) => change)).toEqual(['failed']);
    expect(perception.cameras()[0]?.state).toMatch(/failed|connecting/);
  });
});

describe('perception as a part', () => {
  it('does not start with models that are not there', async () => {
    const models = modelsOptions.parse({ dir: folder });
    await expect(started({ models })).rejects.toMatchObject({ code: 'models.missing' });
  });

  it('can be stopped twice, and before it was started', async () => {
    const perception = await started();
    await perception.stop();
    await perception.stop();
    expect(await perception.snapshot('gate' as CameraId)).toBe(null);
  });

  it('loads no model runtime on the main thread', () => {
    const room = resolve(import.meta.dirname, '../../gateway/perceive');
    const seen = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      const source = ts.transpileModule(readFileSync(path, 'utf8'), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
      }).outputText;
      for (const { fileName } of ts.preProcessFile(source, true, true).importedFiles) {
        if (fileName.startsWith('.')) visit(resolve(dirname(path), fileName));
        else seen.add(fileName);
      }
    };
    visit(join(room, 'index.ts'));
    expect(seen.has(join(room, 'perception.ts'))).toBe(true);
    expect(seen.has('onnxruntime-node')).toBe(false);
  });
});
