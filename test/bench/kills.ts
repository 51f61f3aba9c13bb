// Question: of alarms raised while gateway, desk and another recipient are killed again and again, how many are lost or shown twice?
import { setTimeout as sleep } from 'node:timers/promises';
import { collect } from '../chaos/collect.ts';
import { countStandings } from '../chaos/ledger.ts';
import { createSetting, type Setting } from '../chaos/setting.ts';
import { settled } from '../chaos/settled.ts';
import { createRandom, type Random } from '../support/simulators/random.ts';
import type { Benchmark, BenchmarkOptions, Finding } from './harness.ts';

const points = {
  gateway: ['ingest.before-commit', 'ingest.after-commit', 'outbox.before-send', 'outbox.after-send'],
  desk: ['desk.before-store', 'desk.after-store'],
} as const;

/** Of all kills; both sides get theirs, although a gateway takes longer to be there again than a small recipient. */
const shares = { gateway: 0.4, desk: 0.4, receiver: 0.2 } as const;

/** Kills one process until `left` says that it is enough; one time in two at a named point, else at a moment of its own. */
async function killAgainAndAgain(
  setting: Setting,
  name: 'gateway' | 'desk' | 'receiver',
  random: Random,
  take: () => boolean,
): Promise<void> {
  const actor = setting.actors[name];
  while (take()) {
    // Under its nose, so that there is something to lose.
    setting.sensors.raise(random.pick(['smoke', 'heat', 'water'] as const));
    await sleep(random.integer(0, 700));
    const before = actor.kills();
    if (name === 'receiver') await actor.kill(random.integer(0, 300));
    else {
      const point = random.next() < 0.5 ? `${random.pick(points[name])}:${random.integer(1, 3)}` : null;
      await actor.kill(random.integer(0, 300), point === null ? {} : { KANMEN_KILL_AT: point });
      // The armed one dies by itself, when there is something to do; if there is nothing, it is killed by the next round.
      if (point !== null) for (let n = 0; n < 20 && actor.kills() < before + 2; n += 1) await sleep(50);
    }
    await actor.up();
  }
}

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const wanted = Number(settings['kills'] ?? (full ? 1000 : 20));
  const random = createRandom(seed);
  const setting = await createSetting({ sensors: wanted + 10, unit: () => random.next() });
  try {
    await Promise.all(Object.values(setting.actors).map((actor) => actor.start()));
    const killed = (): number => Object.values(setting.actors).reduce((sum, actor) => sum + actor.kills(), 0);
    let told = 0;
    let rounds = 0;
    const take = (name: keyof typeof shares): boolean => {
      if (killed() >= told + 50) say(`${(told = killed())} kills, ${setting.sensors.waiting()} alarms on their way`);
      rounds += 1;
      // A round is a kill at least; more sensors than rounds there are not.
      return setting.actors[name].kills() < Math.ceil(shares[name] * wanted) && rounds <= wanted;
    };
    await Promise.all(
      (['gateway', 'desk', 'receiver'] as const).map((name) =>
        killAgainAndAgain(setting, name, random.fork(name), () => take(name)),
      ),
    );
    const kills = Object.fromEntries(Object.entries(setting.actors).map(([name, actor]) => [name, actor.kills()]));
    const verdict = await settled(setting, []);
    const records = await collect(setting, []);
    const standings = countStandings(verdict.rows);
    const wrong = (...which: readonly string[]): number =>
      Object.values(standings).reduce(
        (sum, of) =>
          sum + Object.entries(of).reduce((n, [standing, count]) => n + (which.includes(standing) ? count : 0), 0),
        0,
      );
    const total = Object.values(kills).reduce((sum, count) => sum + count, 0);
    const missed = records.raised.filter(({ acknowledgedAtMs }) => acknowledgedAtMs === null).length;
    return {
      value: total < wanted ? null : wrong('lost', 'twice', 'waiting', 'out of order'),
      unit: 'alerts lost or shown twice',
      baseline: null,
      n: total,
      ...{ p50: null, p95: null, p99: null },
      extra: {
        kills,
        alarms: records.raised.length,
        unacknowledged: missed,
        deliveries: records.deliveries.length,
        tries: records.deliveries.reduce((sum, { attempts }) => sum + attempts, 0),
        standings,
        faults: verdict.faults.slice(0, 10),
      },
      ...(total < wanted && { void: `only ${total} of ${wanted} kills` }),
    };
  } finally {
    await setting.close();
  }
}

export const kills: Benchmark = {
  name: 'kills',
  question:
    'alerts lost or shown twice over N kills -9 of gateway, desk and another recipient, at named points and at random',
  run,
};
