import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { drawPlan } from './plan.ts';
import { runChaos, tableOf } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000) % 100_000) },
    minutes: { type: 'string', default: '1' },
    ledger: { type: 'string' },
    plan: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);

async function main(): Promise<number> {
  if (values.help || !Number.isInteger(seed) || !(minutes > 0)) {
    console.error('usage: npm run chaos [-- --seed N --minutes M --ledger FILE --plan]');
    return values.help ? 0 : 2;
  }
  const plan = drawPlan(seed, minutes * 60_000);
  if (values.plan) {
    console.log(JSON.stringify(plan, null, 1));
    return 0;
  }
  const ledgerFile = resolve(values.ledger ?? `.cache/chaos/ledger-${seed}.json`);
  console.error(
    `seed ${seed}: ${plan.alarms.length} alarms, ${plan.steps.length} faults, some ${Math.round(plan.durationMs / 1000)} s`,
  );
  const ledger = await runChaos({ plan, ledgerFile, say: (line) => console.error(line) });
  console.log(tableOf(ledger));
  console.error(`ledger: ${ledgerFile}`);
  return ledger.faults.length === 0 ? 0 : 1;
}

process.exitCode = await main();
