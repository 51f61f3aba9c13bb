import { parseArgs } from 'node:util';
import { alarmLatency } from './alarm-latency.ts';
import { ruleBacktest } from './rule-backtest.ts';
import { ruleEngine, ruleScaling } from './rule-engine.ts';
import { cameraFaults } from './camera-faults.ts';
import { deskMany } from './desk-many.ts';
import { deskRepeat } from './desk-repeat.ts';
import { durableIngest } from './durable-ingest.ts';
import { fullDisk } from './full-disk.ts';
import { gateDuty } from './gate-duty.ts';
import { gateRecall } from './gate-recall.ts';
import { commit, machine, type Benchmark } from './harness.ts';
import { history } from './history.ts';
import { quietCamera } from './quiet-camera.ts';
import { passageLatency } from './passage-latency.ts';
import { kills } from './kills.ts';
import { memory } from './memory.ts';
import { outage } from './outage.ts';
import { passages } from './passages.ts';
import { perceptionOverhead } from './perception-overhead.ts';
import { perceptionScale } from './perception-scale.ts';
import { perceptionSoak } from './perception-soak.ts';
import { perceptionSteps } from './perception-steps.ts';
import { sixteenCameras } from './sixteen-cameras.ts';
import { storm } from './storm.ts';

const benchmarks: readonly Benchmark[] = [
  ruleEngine,
  ruleScaling,
  ruleBacktest,
  durableIngest,
  alarmLatency,
  fullDisk,
  kills,
  outage,
  perceptionSteps,
  perceptionOverhead,
  perceptionScale,
  perceptionSoak,
  passages,
  quietCamera,
  sixteenCameras,
  gateDuty,
  passageLatency,
  cameraFaults,
  gateRecall,
  deskMany,
  deskRepeat,
  memory,
  storm,
  history,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    list: { type: 'boolean' },
    json: { type: 'boolean' },
    full: { type: 'boolean' },
    seed: { type: 'string' },
    // Of gate-recall: a folder with other streams, a part of the own set, what counts as found.
    streams: { type: 'string' },
    only: { type: 'string' },
    found: { type: 'string' },
    // Of passages: how many, one pattern alone, a folder of other models.
    n: { type: 'string' },
    pattern: { type: 'string' },
    models: { type: 'string' },
    // Of desk-many and desk-repeat: sqlite or postgres, how many alerts of history.
    database: { type: 'string' },
    history: { type: 'string' },
    // Of kills, outage and history: how many.
    kills: { type: 'string' },
    passages: { type: 'string' },
    // Of memory: how long.
    seconds: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  if (values['list'] === true) {
    for (const { name, question } of benchmarks) console.log(`${name.padEnd(22)} ${question}`);
    return 0;
  }
  const chosen = benchmarks.find(({ name }) => name === positionals[0]);
  if (values['help'] === true || !chosen) {
    say('usage: npm run bench -- NAME [--json] [--full] [--seed N]\n       npm run bench -- --list');
    return values['help'] === true ? 0 : 2;
  }
  const settings = Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
  const found = await chosen.run({ full: values['full'] === true, seed: Number(values['seed'] ?? '1'), say, settings });
  const line = { name: chosen.name, ...found, machine: machine(), commit: commit() };
  if (values['json'] !== true) {
    say(`${chosen.name}: ${chosen.question}`);
    say(
      found.void === undefined
        ? `  ${found.value} ${found.unit}${found.baseline ? ` (${found.baseline.name}: ${found.baseline.value})` : ''}`
        : `  void: ${found.void}`,
    );
    for (const [key, value] of Object.entries(found.extra)) say(`  ${key}: ${JSON.stringify(value)}`);
  }
  console.log(JSON.stringify(line));
  return found.value === null ? 1 : 0;
}

process.exitCode = await main();
