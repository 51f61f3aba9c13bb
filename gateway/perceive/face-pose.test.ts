import { describe, expect, it } from 'vitest';
import type { PointPx } from '../domain/plate.ts';
import { movePoints, type FacePoints } from './face-finder.ts';
import { facePose } from './face-pose.ts';

/** A head of five points in mm, turned by yaw and pitch and then leant by roll, seen from far away; px = mm. */
function head(yawDegrees: number, rollDegrees = 0, pitchDegrees = 0): FacePoints {
  const [yaw, roll, pitch] = [yawDegrees, rollDegrees, pitchDegrees].map((value) => (value * Math.PI) / 180) as [
    number,
    number,
    number,
  ];
  const seen = (x: number, y: number, before: number): PointPx => {
    const turned = x * Math.cos(yaw) + before * Math.sin(yaw);
    const depth = before * Math.cos(yaw) - x * Math.sin(yaw);
    const tilted = y * Math.cos(pitch) + depth * Math.sin(pitch);
    return [turned * Math.cos(roll) - tilted * Math.sin(roll), turned * Math.sin(roll) + tilted * Math.cos(roll)];
  };
  return {
    rightEye: seen(-31, 0, 0),
    leftEye: seen(31, 0, 0),
    nose: seen(0, 40, 28),
    mouth: seen(0, 71, 8),
    ears: null,
  };
}

describe('the pose of a face', () => {
  it('is straight where the nose stands in the middle', () => {
    const pose = facePose(head(0));
    expect(pose.yawDegrees).toBeCloseTo(0, 5);
    expect(pose.rollDegrees).toBeCloseTo(0, 5);
    expect(pose.frontalRatio).toBeGreaterThan(0.98);
  });

  it.each([-70, -45, -20, 20, 45, 70])('tells a turn by %s degrees to within ten', (degrees) => {
    expect(Math.abs(facePose(head(degrees)).yawDegrees - degrees)).toBeLessThan(10);
  });

  it.each([-60, -25, 25, 60])('tells a lean by %s degrees, and calls it no turn', (degrees) => {
    const pose = facePose(head(0, degrees));
    expect(pose.rollDegrees).toBeCloseTo(degrees, 5);
    expect(pose.yawDegrees).toBeCloseTo(0, 5);
    expect(pose.frontalRatio).toBeCloseTo(facePose(head(0)).frontalRatio, 5);
  });

  it('is the less frontal the more it turns, to either side, and none at all in profile', () => {
    for (const side of [-1, 1]) {
      const ratios = [0, 15, 30, 45, 60, 75, 90].map((degrees) => facePose(head(side * degrees)).frontalRatio);
      expect(ratios).toEqual([...ratios].sort((a, b) => b - a));
      expect(ratios.at(-1)).toBeLessThan(0.05);
    }
  });

  it('is less frontal looking up or down', () => {
    const straight = facePose(head(0)).frontalRatio;
    expect(facePose(head(0, 0, 35)).frontalRatio).toBeLessThan(straight - 0.1);
    expect(facePose(head(0, 0, -35)).frontalRatio).toBeLessThan(straight - 0.1);
  });

  it('does not hang on the size of the face or its place', () => {
    const moved = movePoints(head(30), ([x, y]) => [400 + x * 0.1, 300 + y * 0.1]);
    expect(facePose(moved).yawDegrees).toBeCloseTo(facePose(head(30)).yawDegrees, 5);
  });

  it('is not frontal, and no number that is none, where all points fall together', () => {
    const pose = facePose(movePoints(head(0), () => [5, 5]));
    expect(pose.frontalRatio).toBe(0);
    expect(Object.values(pose).every(Number.isFinite)).toBe(true);
  });
});
