import type { PlateColor } from '../domain/plate.ts';
import type { ReadCharacter } from './ctc.ts';
import { judgeRead, type Judgement } from './judge.ts';

/** One frame's read of a plate, with what makes it count. */
export interface FrameRead {
  readonly text: string;
  readonly characters: readonly ReadCharacter[];
  readonly color: PlateColor;
  /** Width of the plate in the frame, px. */
  readonly widthPx: number;
  /** Mean absolute Laplacian, grey levels. */
  readonly sharpness: number;
  readonly legal: boolean;
  /** Whether two readers were asked. */
  readonly both?: boolean;
  /** How fast the plate moved across the picture, in its own widths a second; absent: it stood. */
  readonly widthsPerSecond?: number;
  /** Reads with the same number saw the plate at the same place and size: the vehicle stood still between them. */
  readonly pose: number;
}

/** What a track's frames say together. */
export interface Vote extends Judgement {
  /** Frames that read exactly the voted text. */
  readonly agreeing: number;
  readonly reads: number;
}

/**
 * How much a frame's read counts: larger, sharper and surer plates more. From 90 px on a reader sees all there is, and larger
 * plates of who drives through are smeared: what tells there is how likely the whole read is, squared. (154 simulated vehicles
 * that mostly move, day, night and rain: 150 right and 133 of them accepted; with size squared up to 180 px and the mean of the
 * ratios to the fourth 135 and 114; none accepted wrong with either.) The confidence of a blurred read may be as high as that of
 * a crisp one, so size and sharpness stand beside it and not behind it.
 */
export function readWeight(read: FrameRead): number {
  const size = Math.min(read.widthPx / 90, 1);
  // A moving plate at 13 grey levels reads its province wrong at 0.95; from 20 on sharpness adds nothing.
  const crispness = Math.min(read.sharpness / 20, 1) ** 1.5;
  const likelihood = read.characters.reduce((product, { ratio }) => product * ratio, 1);
  const steadiness = 1 / (1 + ((read.widthsPerSecond ?? 0) / smearingSpeed) ** 3);
  // A read that no plate can carry has lost or gained a character, and its places do not fit the others'.
  return (
    steadiness *
    size *
    (0.02 + crispness) *
    likelihood ** 2 *
    (read.legal ? 1 : 0.05) *
    (read.both === true ? bothReaders : 1)
  );
}

/**
 * From this speed on, in widths of its own a second, a plate is smeared so much in 1/30 s that its read counts less than half. A
 * smeared near plate looks as crisp as a sharp far one: by night the province was right in 94 of 100 reads at 60 to 80 px and up to
 * 1.5 widths a second, in 43 at 150 px and more and up to 2.5, in 33 beyond. (450 simulated vehicles, most of them by night: 434
 * right without this, 439 to 442 with 1 to 2.5 widths and any power from 2 to 4; none accepted wrong with any.)
 */
const smearingSpeed = 1.2;

/** A read on which two readers were asked counts as so many of one: they seldom err in the same way. */
const bothReaders = 3;

/** As many reads of one pose count in full; more of them share that weight. */
const fullReadsAPose = 6;

/**
 * What each read counts in the vote. A car that waits gives the same picture again and again; a hundred reads of it say
 * no more about a doubtful character than six, and must not outvote what was seen from nearer or farther.
 */
export function voteWeights(reads: readonly FrameRead[]): number[] {
  const inPose = new Map<number, number>();
  for (const { pose } of reads) inPose.set(pose, (inPose.get(pose) ?? 0) + 1);
  return reads.map((read) => readWeight(read) * Math.min(fullReadsAPose / (inPose.get(read.pose) ?? 1), 1));
}

/**
 * Votes for each character apart, across the frames of one track: of the lengths read, the one with the most weight; in
 * each place, every frame gives its candidates' ratios times its weight. The grammar then decides as for a single read.
 * Null for no reads.
 */
export function voteReads(reads: readonly FrameRead[], ebikePatterns: readonly RegExp[] = []): Vote | null {
  if (reads.length === 0) return null;
  const weights = voteWeights(reads);
  const weighted = reads.map((read, index) => ({ read, weight: weights[index] ?? 0 }));
  const byLength = new Map<number, number>();
  const byColor = new Map<PlateColor, number>();
  for (const { read, weight } of weighted) {
    byLength.set(read.characters.length, (byLength.get(read.characters.length) ?? 0) + weight);
    byColor.set(read.color, (byColor.get(read.color) ?? 0) + weight);
  }
  const length = heaviest(byLength);
  const color = heaviest(byColor);
  const voters = weighted.filter(({ read }) => read.characters.length === length);
  const asked = voters.filter(({ read }) => read.both === true);
  const characters: ReadCharacter[] = [];
  for (let position = 0; position < length; position += 1) {
    const candidates = [...countBallots(voters, position)].sort((a, b) => b[1] - a[1]).slice(0, 4);
    const [character] = candidates[0] ?? [''];
    const plain = sureness(voters, position, character);
    // A place on which two readers differ is not made sure by frames in which only one of them was asked.
    const ratio = asked.length < 2 ? plain : Math.min(plain, sureness(asked, position, character));
    characters.push({ character, ratio, candidates: [[character, ratio], ...candidates.slice(1)] });
  }
  const judged = judgeRead(characters, color, ebikePatterns);
  const agreeing = reads.filter(({ text }) => text === judged.reading.text).length;
  // One frame of many may be right by chance; two that say the same, or one that stands alone and is sure, are a plate.
  const alone = reads.length <= 2 && agreeing === 1 && judged.reading.confidenceRatio >= 0.9;
  const disagree = judged.rejected === null && agreeing < 2 && !alone;
  return {
    reading: { ...judged.reading, accepted: judged.reading.accepted && !disagree },
    rejected: disagree ? 'frames-disagree' : judged.rejected,
    agreeing,
    reads: reads.length,
  };
}

interface Voter {
  readonly read: FrameRead;
  readonly weight: number;
}

/** What the voters together give each character at a place, 0..1. */
function countBallots(voters: readonly Voter[], position: number): Map<string, number> {
  const total = voters.reduce((sum, { weight }) => sum + weight, 0);
  const ballots = new Map<string, number>();
  for (const { read, weight } of voters) {
    for (const [character, ratio] of read.characters[position]?.candidates ?? [])
      ballots.set(character, (ballots.get(character) ?? 0) + (total > 0 ? (ratio * weight) / total : 0));
  }
  return ballots;
}

function sureness(voters: readonly Voter[], position: number, character: string): number {
  const share = countBallots(voters, position).get(character) ?? 0;
  return raisedByAgreement(
    share,
    voters.map(({ read, weight }) => ({ weight, agrees: read.characters[position]?.character === character })),
  );
}

/**
 * Frames that see the same character with the same doubt are surer together than each alone, but not as sure as if they
 * were independent: they share the plate's dirt and the reader's habits. So the error is raised to a power between 1 (one
 * frame, or frames at odds) and 1.7 (three and more of one mind): 0.75 becomes 0.91, 0.6 stays below what is accepted.
 */
function raisedByAgreement(share: number, ballots: readonly { weight: number; agrees: boolean }[]): number {
  const total = ballots.reduce((sum, { weight }) => sum + weight, 0);
  const agreeing = ballots.reduce((sum, { weight, agrees }) => sum + (agrees ? weight : 0), 0);
  const largest = Math.max(...ballots.map(({ weight }) => weight));
  if (total === 0) return share;
  const unity = Math.max((2 * agreeing) / total - 1, 0);
  const power = 1 + 0.35 * Math.min(agreeing / largest - 1, 2) * unity;
  return 1 - Math.max(1 - share, 0) ** Math.max(power, 1);
}

function heaviest<T>(weights: ReadonlyMap<T, number>): T {
  const [first] = [...weights].sort((a, b) => b[1] - a[1]);
  if (!first) throw new RangeError('a vote needs at least one ballot');
  return first[0];
}
