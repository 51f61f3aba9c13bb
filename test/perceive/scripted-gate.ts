import type { BoxPx, CornersPx } from '../../gateway/domain/plate.ts';
import { boxAround, overlapRatio } from '../../gateway/perceive/geometry.ts';
import { judgeRead } from '../../gateway/perceive/judge.ts';
import type { Perceived, Perceiver, PerceiveRequest, SeenPlate } from '../../gateway/perceive/perceive.ts';
import type { PlateCandidate } from '../../gateway/perceive/plate-finder.ts';
import { placeAt, type Scenario, type Vehicle } from '../bench/passages/scenario.ts';
import type { Stage } from '../bench/passages/stage.ts';
import { plateSizeMm } from '../support/simulators/plate-picture.ts';
import { ebikePlates, type SimulatedPlate } from '../support/simulators/plate-text.ts';
import type { Random } from '../support/simulators/random.ts';
import { createView, gateView, type Place } from '../support/simulators/view.ts';

const view = createView(gateView);
const ebikePatterns = [new RegExp(ebikePlates, 'u')];
const { width, height } = view;

/** A plate as the camera would see it now. */
interface Visible {
  readonly plate: SimulatedPlate;
  readonly corners: CornersPx;
  readonly box: BoxPx;
}

/**
 * A gate where only the pixels are missing: true places of plates from the scenario's geometry, hidden where something
 * stands before them, read as well as their size allows. For the tracker and the vote, thousands of times as fast as models.
 */
export function createScriptedGate(
  random: Random,
  /** Share of characters that are misread, each time otherwise, however near: night, rain and motion. */
  misread = 0,
): { readonly stage: Stage; readonly perceiver: Perceiver } {
  let visible: readonly Visible[] = [];
  const frame = new Uint8Array(width * height * 3);
  let painted: BoxPx[] = [];

  const paint = (box: BoxPx, value: number): void => {
    const [left, top, right, bottom] = [box[0], box[1], box[0] + box[2], box[1] + box[3]].map(Math.round);
    for (let y = Math.max(top!, 0); y < Math.min(bottom!, height); y += 1) {
      const from = (y * width + Math.max(left!, 0)) * 3;
      frame.fill(value, from, Math.max((y * width + Math.min(right!, width)) * 3, from));
    }
  };

  const stage: Stage = {
    draw: (scenario, atMs) => {
      visible = scenario === null ? [] : visiblePlates(scenario, atMs);
      for (const box of painted) paint(box, 90);
      // A vehicle is a grey block around its plate; where it stands still nothing changes.
      painted = visible.map(({ box: [left, top, w, h] }) => [left - w * 1.5, top - h * 4, w * 4, h * 7]);
      if (scenario?.crossing && atMs >= scenario.crossing.fromMs && atMs <= scenario.crossing.toMs)
        painted.push([width * ((atMs - scenario.crossing.fromMs) / 3000), 200, 300, 500]);
      for (const [index, box] of painted.entries()) paint(box, 150 + index * 40);
      return Promise.resolve({ widthPx: width, heightPx: height, rgb: frame });
    },
  };

  const read = ({ plate, corners, box }: Visible): SeenPlate => {
    const widthPx = box[2];
    const characters = Array.from(plate.text).map((character) => {
      // From 36 px, where half of the characters are guesses, to 80 px, where they are plain.
      const doubt = Math.max(0, Math.min(1, (80 - widthPx) / 44));
      const wrong = random.next() < Math.max(doubt * 0.25, misread);
      const ratio = misread > 0 ? random.between(0.3, 0.6) : Math.max(0.3, 0.99 - doubt * random.between(0.1, 0.6));
      const other = random.pick(Array.from('0123456789ABCDEFGHJKLMNPQRSTUVWXYZ'));
      const said = wrong ? other : character;
      return {
        character: said,
        ratio,
        candidates: [
          [said, ratio],
          [wrong ? character : other, (1 - ratio) / 2],
        ] as const,
      };
    });
    const color = plate.color;
    return {
      box,
      corners,
      characters,
      ...judgeRead(characters, color, ebikePatterns),
      sharpness: 14,
      widthPx,
      foundRatio: 0.9,
      rows: 1,
      secondOpinion: false,
    };
  };

  const perceive = (_picture: unknown, request: PerceiveRequest): Promise<Perceived> => {
    const looks = request.plates === 'whole-plate' ? [] : request.plates;
    const found = visible.filter(
      ({ box }) => box[2] >= 36 && looks.some(({ region }) => contains(region, box)) && random.next() > 0.03,
    );
    const plates: SeenPlate[] = [];
    const unread: PlateCandidate[] = [];
    for (const one of found) {
      const candidate: PlateCandidate = { ...one, confidence: 0.9, layout: 'single', rows: [one.corners] };
      if (request.shouldRead && !request.shouldRead(candidate)) unread.push(candidate);
      else plates.push(read(one));
    }
    return Promise.resolve({ plates, unread, faces: [], rejected: [], timingsMs: { detect: 0, read: 0 } });
  };

  return {
    stage,
    perceiver: {
      perceive,
      stillSidesPx: [640],
      livePlateLook: { scale: 0.5, maxSidePx: 640, gridPx: 64 },
      release: () => Promise.resolve(),
    },
  };
}

const contains = (outer: BoxPx, inner: BoxPx): boolean =>
  outer[0] <= inner[0] &&
  outer[1] <= inner[1] &&
  outer[0] + outer[2] >= inner[0] + inner[2] &&
  outer[1] + outer[3] >= inner[1] + inner[3];

function visiblePlates(scenario: Scenario, atMs: number): Visible[] {
  const there = scenario.vehicles.flatMap((vehicle) => {
    const zM = placeAt(vehicle.path, atMs);
    return zM === null ? [] : [{ vehicle, zM }];
  });
  const { crossing } = scenario;
  // A third of the way across, the motorcycle is before the plate.
  const share = crossing ? (atMs - crossing.fromMs) / (crossing.toMs - crossing.fromMs) : -1;
  const hidden = share > 0.25 && share < 0.65;
  return there.flatMap(({ vehicle, zM }) => {
    const behind = there.some(
      (other) => other.vehicle !== vehicle && other.vehicle.laneX === vehicle.laneX && other.zM < zM && other.zM > -4.5,
    );
    if (behind || hidden) return [];
    const towed = vehicle.towed ? [plateAt(vehicle, vehicle.towed.plate, vehicle.towed.heightM, zM)] : [];
    return [plateAt(vehicle, vehicle.plate, 0.5, zM), ...towed].filter((one) => one !== null);
  });
}

function plateAt({ laneX }: Vehicle, plate: SimulatedPlate, heightM: number, zM: number): Visible | null {
  const [w, h] = plateSizeMm(plate).map((mm) => mm / 2000) as [number, number];
  const at = (x: number, y: number): Place => [laneX + x, heightM + y, zM];
  const points = [at(-w, h), at(w, h), at(w, -h), at(-w, -h)].map((place) => view.project(place));
  if (points.some((point) => point === null)) return null;
  const corners = points as unknown as CornersPx;
  const box = boxAround(corners);
  return overlapRatio(box, [0, 0, width, height]) > 0 && contains([0, 0, width, height], box)
    ? { plate, corners, box }
    : null;
}
