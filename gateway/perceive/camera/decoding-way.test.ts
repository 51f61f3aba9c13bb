import { describe, expect, it } from 'vitest';
import { createDecodingWay, type DecodingReport } from './decoding-way.ts';
import type { HardwareDecoding } from './decoding-kinds.ts';

function make(wanted: HardwareDecoding, present: readonly string[] = []) {
  const told: DecodingReport[] = [];
  const way = createDecodingWay(
    wanted,
    (report) => told.push(report),
    (path) => present.includes(path),
  );
  return { way, told };
}

const everything = ['/dev/dri/renderD128', '/dev/video10', '/dev/mpp_service'];

describe('the way of decoding', () => {
  it('is software, told once, where no hardware is asked for', () => {
    const { way, told } = make('off', everything);
    expect(way.inputArguments('h264')).toEqual([]);
    way.worked();
    way.worked();
    expect(told).toEqual([{ with: 'software', reason: null }]);
  });

  it.each([
    ['vaapi', 'h264', ['-hwaccel', 'vaapi', '-hwaccel_device', '/dev/dri/renderD128']],
    ['qsv', 'hevc', ['-hwaccel', 'qsv', '-c:v', 'hevc_qsv']],
    ['v4l2m2m', 'h264', ['-c:v', 'h264_v4l2m2m']],
    ['rkmpp', 'hevc', ['-c:v', 'hevc_rkmpp']],
  ] as const)('asks ffmpeg for %s by name, whether or not its device file is seen', (kind, codec, words) => {
    const { way, told } = make(kind);
    expect(way.inputArguments(codec)).toEqual(words);
    way.worked();
    expect(told).toEqual([{ with: kind, reason: null }]);
  });

  it('tries by itself only hardware whose device is there, one kind after the other, and ends with software', () => {
    const { way, told } = make('auto', everything);
    const tried = [];
    for (let step = 0; step < 6; step += 1) {
      tried.push(way.current().with);
      if (!way.failed(`no ${way.current().with}`)) break;
    }
    expect(tried).toEqual(['vaapi', 'qsv', 'v4l2m2m', 'rkmpp', 'software']);
    way.worked();
    expect(told).toEqual([{ with: 'software', reason: 'rkmpp does not work here: no rkmpp' }]);
    expect(make('auto', ['/dev/mpp_service']).way.current()).toEqual({ with: 'rkmpp', reason: null });
    expect(make('auto').way.current()).toEqual({ with: 'software', reason: 'no decoding hardware found' });
  });

  it('takes a failure now and then for the fault of the stream, and gives hardware up that fails again and again', () => {
    const { way, told } = make('vaapi');
    way.worked();
    for (let round = 0; round < 10; round += 1) {
      expect(way.failed('damaged')).toBe(false);
      way.worked();
    }
    const answers = Array.from({ length: 5 }, () => way.failed('device lost'));
    expect(answers).toEqual([false, false, false, false, true]);
    way.worked();
    expect(told).toEqual([
      { with: 'vaapi', reason: null },
      { with: 'software', reason: 'vaapi does not work here: device lost' },
    ]);
  });
});
