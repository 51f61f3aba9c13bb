import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createCanvas } from '@napi-rs/canvas';
import { drawPlate } from '../support/simulators/plate-picture.ts';
import type { SimulatedPlate } from '../support/simulators/plate-text.ts';
import { drawnScene } from './drawn-scene.ts';

/** One car in a drawn video: it comes nearer (or goes away), waits, and is gone. Seconds from the video's beginning. */
export interface DrawnVisit {
  readonly plate: SimulatedPlate;
  readonly fromS: number;
  readonly standsS: number;
  readonly untilS: number;
  readonly away?: boolean;
}

export const videoWidthPx = 960;
export const videoHeightPx = 540;
const framesPerSecond = 10;

/** Writes an H.264 file with the visits, at 1 Mbit/s, with sensor noise. */
export async function writeGateVideo(path: string, seconds: number, visits: readonly DrawnVisit[]): Promise<void> {
  const input = `-f rawvideo -pix_fmt rgb24 -s ${videoWidthPx}x${videoHeightPx} -r ${framesPerSecond} -i pipe:0`;
  const output = '-vf noise=c0s=6:c0f=t -c:v libx264 -preset superfast -b:v 1000k -pix_fmt yuv420p -threads 1';
  const child = spawn('ffmpeg', ['-loglevel', 'error', '-y', ...input.split(' '), ...output.split(' '), path], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const plates = new Map(visits.map((visit) => [visit, drawPlate(visit.plate, 1)]));
  for (let frame = 0; frame < seconds * framesPerSecond; frame += 1) {
    const nowS = frame / framesPerSecond;
    const placed = visits
      .filter(({ fromS, untilS }) => nowS >= fromS && nowS < untilS)
      .map((visit) => {
        const done = Math.min((nowS - visit.fromS) / (visit.standsS - visit.fromS), 1);
        const near = visit.away === true ? 1 - done : done;
        return {
          plate: plates.get(visit) ?? createCanvas(1, 1),
          centreX: videoWidthPx * (0.42 + 0.1 * near),
          centreY: videoHeightPx * (0.4 + 0.3 * near),
          widthPx: 60 + 80 * near,
        };
      });
    const { rgb } = drawnScene(videoWidthPx, videoHeightPx, placed, ['东门 2026-11-22']);
    if (!child.stdin.write(rgb)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`);
}
