import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeStreamSet } from './stream-set.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    passages: { type: 'string', default: '3' },
  },
});
const only = new RegExp(values.only);
const { dir, streams } = await makeStreamSet({
  seed: Number(values.seed),
  cacheDir: resolve(import.meta.dirname, '../../../../.cache/stream-set'),
  passages: Number(values.passages),
  wanted: (setting, disturbance) => only.test(`${setting}-${disturbance}`),
  say: (line) => void process.stderr.write(`${line}\n`),
});
console.log(JSON.stringify({ dir, streams: streams.length }));
