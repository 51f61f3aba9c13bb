import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import type { CameraPlan, VehicleVisit } from './camera-plan.ts';
import { boomBounds, drawBackdrop, drawBarrier } from './gate-backdrop.ts';
import { copyRectangle, createI420, evenRectangle, writeRgba, type I420, type Rectangle } from './i420.ts';
import { lights } from './light.ts';
import { approachTimes, positionAt } from './motion.ts';
import { createOverlay } from './overlay.ts';
import { createPersonPicture, walkFromM, walkingMps, walkMs, type PersonPicture } from './person.ts';
import { createRandom } from './random.ts';
import { createVehiclePicture, type VehiclePicture } from './vehicle.ts';
import { createView, gateView, type View, type ViewOptions } from './view.ts';

type Box = readonly [left: number, top: number, right: number, bottom: number];

/** Something that is in the picture now. */
interface Actor {
  /** Says all that decides its looks: with the same keys a picture needs no new painting. */
  readonly key: string;
  /** The box that holds it during the exposure. */
  readonly box: Box;
  /** Poses to average, oldest first. */
  readonly poses: readonly ((context: SKRSContext2D) => void)[];
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  /** The picture at `storyMs` (ms after the story's start), stamped with `epochMs`. Valid until the next call. */
  draw(storyMs: number, epochMs: number): Uint8Array;
  /** Width of a visiting vehicle's plate in px, 0 while it is not whole inside the picture. */
  plateWidthPx(visit: VehicleVisit, storyMs: number): number;
  facePx(atMs: number, storyMs: number): number;
}

/** The boom takes this long to rise or fall. */
const boomMs = 900;
/** A smear of less than this many px needs no further pose. */
const posePx = 3;
const mostPoses = 3;

export async function createScene(plan: CameraPlan, seed: number, from: ViewOptions = gateView): Promise<Scene> {
  const view = createView(from);
  const light = lights[plan.light];
  const { width, height } = view;
  const backdrop = drawBackdrop(view, light, '门卫室', createRandom(seed).fork(`backdrop ${plan.id}`));
  const overlay = createOverlay(width, height, plan.name);
  const person: PersonPicture | null = plan.persons.length > 0 ? await createPersonPicture(view, light) : null;

  const stage = createCanvas(width, height);
  const stageContext = stage.getContext('2d');
  const blend = createCanvas(width, height);
  const blendContext = blend.getContext('2d');
  const whole: Rectangle = { left: 0, top: 0, width, height };
  const baseWith = (open: number): I420 => {
    stageContext.drawImage(backdrop, 0, 0);
    drawBarrier(stageContext, view, light, open);
    const base = createI420(width, height);
    writeRgba(base, whole, stageContext.getImageData(0, 0, width, height).data);
    return base;
  };
  const closed = baseWith(0);
  const opened = baseWith(1);
  const frame = createI420(width, height);
  frame.data.set(closed.data);
  // What stands under the writing, which is new every second while the rest may stand still.
  const unwritten = createI420(width, height);
  unwritten.data.set(closed.data);
  let shownBase = closed;
  let shownKey = '';
  let dirty: readonly Rectangle[] = [];

  // A vehicle's pictures are made when it comes and forgotten when it has gone.
  const pictures = new Map<VehicleVisit, VehiclePicture>();
  const pictureOf = (visit: VehicleVisit): VehiclePicture => {
    let picture = pictures.get(visit);
    if (!picture) {
      picture = createVehiclePicture({ plate: visit.plate, shape: visit.shape, paint: visit.paint, view, light });
      pictures.set(visit, picture);
    }
    return picture;
  };

  const vehicleActor = (visit: VehicleVisit, storyMs: number): Actor | null => {
    const afterMs = storyMs - visit.atMs;
    if (afterMs < 0 || afterMs > approachTimes(visit.approach).goneMs) {
      pictures.delete(visit);
      return null;
    }
    const picture = pictureOf(visit);
    const opensAt = (ms: number): number => positionAt(visit.approach, Math.max(0, ms)).zM;
    const now = opensAt(afterMs);
    const before = opensAt(afterMs - light.exposureMs);
    const [boxNow, boxBefore] = [picture.bounds(now), picture.bounds(before)];
    if (!boxNow) return null;
    const smear = smearPx(view, before, now);
    const count = Math.min(mostPoses, 1 + Math.floor(smear / posePx));
    const poses = Array.from({ length: count }, (_, pose) => {
      const zM = opensAt(afterMs - (light.exposureMs * (count - 1 - pose)) / count);
      return (context: SKRSContext2D) => picture.draw(context, zM);
    });
    return { key: `${visit.atMs} ${before} ${now}`, box: boxBefore ? unite(boxNow, boxBefore) : boxNow, poses };
  };

  const personActor = (atMs: number, storyMs: number): Actor | null => {
    const afterMs = storyMs - atMs;
    if (!person || afterMs < 0 || afterMs > walkMs) return null;
    const zM = walkFromM - (walkingMps * afterMs) / 1000;
    const box = person.bounds(zM);
    return box && { key: `person ${zM}`, box, poses: [(context) => person.draw(context, zM)] };
  };

  const paint = (group: readonly Actor[], at: Rectangle, open: number): void => {
    const count = Math.max(1, ...group.map((actor) => actor.poses.length));
    for (let pose = 0; pose < count; pose += 1) {
      stageContext.save();
      stageContext.beginPath();
      stageContext.rect(at.left, at.top, at.width, at.height);
      stageContext.clip();
      stageContext.drawImage(backdrop, 0, 0);
      for (const actor of group) actor.poses[Math.min(pose, actor.poses.length - 1)]?.(stageContext);
      drawBarrier(stageContext, view, light, open);
      stageContext.restore();
      if (count > 1) {
        blendContext.globalAlpha = 1 / (pose + 1);
        blendContext.drawImage(stage, at.left, at.top, at.width, at.height, at.left, at.top, at.width, at.height);
      }
    }
    const from = count > 1 ? blendContext : stageContext;
    writeRgba(frame, at, from.getImageData(at.left, at.top, at.width, at.height).data);
  };

  /** Paints every group in its own rectangle and returns the rectangles. */
  const paintAll = (actors: readonly Actor[], open: number): readonly Rectangle[] =>
    groupOverlapping(actors).flatMap((group) => {
      const at = evenRectangle(group.map((actor) => actor.box).reduce(unite), width, height);
      if (at) paint(group, at, open);
      return at ? [at] : [];
    });

  return {
    width,
    height,
    draw: (storyMs, epochMs) => {
      const open = boomOpenness(plan.vehicles, storyMs);
      const actors = [
        ...plan.vehicles.map((visit) => vehicleActor(visit, storyMs)),
        ...plan.persons.map((visit) => personActor(visit.atMs, storyMs)),
      ].filter((actor) => actor !== null);
      if (open > 0 && open < 1) actors.push({ key: `boom ${open}`, box: boomBounds(view, open), poses: [] });
      const base = open > 0.5 ? opened : closed;
      const key = actors.map((actor) => actor.key).join('|');
      for (const at of overlay.areas) copyRectangle(unwritten, frame, at);
      if (key !== shownKey || base !== shownBase) {
        for (const at of base === shownBase ? dirty : [whole]) copyRectangle(base, frame, at);
        dirty = paintAll(actors, open);
        for (const at of overlay.areas) copyRectangle(frame, unwritten, at);
      }
      shownKey = key;
      shownBase = base;
      overlay.draw(frame, epochMs);
      return frame.data;
    },
    plateWidthPx: (visit, storyMs) => {
      const afterMs = storyMs - visit.atMs;
      if (afterMs < 0) return 0;
      const quad = pictureOf(visit).plateQuad(positionAt(visit.approach, afterMs).zM);
      const inside = quad?.every(([x, y]) => x >= 0 && y >= 0 && x <= width && y <= height);
      return quad && inside ? Math.hypot(quad[1][0] - quad[0][0], quad[1][1] - quad[0][1]) : 0;
    },
    facePx: (atMs, storyMs) => person?.facePx(walkFromM - (walkingMps * (storyMs - atMs)) / 1000) ?? 0,
  };
}

/** 0 closed, 1 upright: rises before a vehicle drives on, falls when it has gone. */
function boomOpenness(visits: readonly VehicleVisit[], storyMs: number): number {
  let open = 0;
  for (const visit of visits) {
    const { goesMs, goneMs } = approachTimes(visit.approach);
    const after = storyMs - visit.atMs;
    const rising = (after - (goesMs - boomMs)) / boomMs;
    const falling = (goneMs + boomMs - after) / boomMs;
    open = Math.max(open, Math.min(1, Math.max(0, rising), Math.max(0, falling)));
  }
  return open;
}

/** How far the plate moves on the sensor between two distances. */
function smearPx(view: View, fromZ: number, toZ: number): number {
  const a = view.project([-0.9, 0.5, Math.max(fromZ, 0.9)]);
  const b = view.project([-0.9, 0.5, Math.max(toZ, 0.9)]);
  return a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
}

const unite = (a: Box, b: Box): Box => [
  Math.min(a[0], b[0]),
  Math.min(a[1], b[1]),
  Math.max(a[2], b[2]),
  Math.max(a[3], b[3]),
];
const overlap = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** Actors whose boxes touch are painted together, in their order; the others each in their own rectangle. */
function groupOverlapping(actors: readonly Actor[]): (readonly Actor[])[] {
  let groups: { box: Box; actors: Actor[] }[] = [];
  for (const actor of actors) {
    const touching = groups.filter((group) => overlap(group.box, actor.box));
    groups = groups.filter((group) => !touching.includes(group));
    groups.push({
      box: touching.map((group) => group.box).reduce(unite, actor.box),
      actors: [...touching.flatMap((group) => group.actors), actor],
    });
  }
  return groups.map((group) => group.actors);
}
