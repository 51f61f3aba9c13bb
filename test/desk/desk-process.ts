/** Runs a desk as a process of its own, to be killed: `node desk-process.js DIR`. Prints its address. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createDesk } from '../../gateway/desk.ts';
import { deskOptionsSchema } from '../../gateway/inbox/options.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { createKillPoints } from '../../gateway/lib/kill-points.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';

const dir = process.argv[2] ?? '';
const desk = createDesk({
  config: deskOptionsSchema.parse(JSON.parse(readFileSync(join(dir, 'desk.json'), 'utf8'))),
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
  passKillPoint: createKillPoints(process.env, () => process.kill(process.pid, 'SIGKILL')),
  passwords: { hash: () => Promise.reject(new Error('nobody signs in here')), verify: () => Promise.resolve(false) },
  installDir: pathToFileURL(`${dir}/`),
  version: '0.0.0-test',
});
await desk.start(new AbortController().signal);
process.stdout.write(`${desk.address()}\n`);
process.on('SIGTERM', () => void desk.stop().then(() => process.exit(0)));
