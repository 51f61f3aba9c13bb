import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/kanmen-process.ts';

/** A copy of the built gateway with one thing made wrong. */
export interface PlantedBuild {
  /** Its `main.js`. */
  readonly program: string;
  remove(): void;
}

interface Patch {
  /** Below `dist/gateway/`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** Each bug as a change to what was built: the product has no switch that could turn one on. */
export const plantedBugs = {
  /** A delivery counts as received before it was sent. */
  'settle before send': [
    {
      file: 'outbox/lane.js',
      find: 'const attempt = async (delivery, signal) => {',
      put: `const attempt = async (delivery, signal) => {
        if (delivery.item !== 'canary')
          await context.onDelivered({ delivery, feedback: [], settled: settle(delivery, { kind: 'delivered', receipt: 'planted', feedback: [] },
            { options, nowMs: steadyNow(), wallMs: clock.now(), hasYounger: false, random: () => 0.5 }) });`,
    },
  ],
  /** What came first is sent first, red or not. */
  'priority ignored': [
    { file: 'store/state.js', find: 'ORDER BY worst, sequence LIMIT ?5)', put: 'ORDER BY sequence LIMIT ?5)' },
    { file: 'store/state.js', find: 'ORDER BY heads.worst, heads.sequence`', put: 'ORDER BY heads.sequence`' },
    { file: 'outbox/lane.js', find: 'options.parallel + options.urgentParallel : options.parallel', put: '1 : 1' },
  ],
} as const satisfies Record<string, readonly Patch[]>;

/** Throws where the place to change is not found: a bug that is not planted would prove nothing. */
export function plant(bug: keyof typeof plantedBugs): PlantedBuild {
  const root = join(projectRoot, '.cache/planted', `${bug.replaceAll(' ', '-')}-${process.pid}`);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  cpSync(join(projectRoot, 'dist/gateway'), join(root, 'dist/gateway'), { recursive: true });
  for (const name of ['node_modules', 'rules', 'models', 'package.json'])
    symlinkSync(join(projectRoot, name), join(root, name));
  const pages = join(projectRoot, 'dist/dashboard');
  if (existsSync(pages)) symlinkSync(pages, join(root, 'dist/dashboard'));
  for (const { file, find, put } of plantedBugs[bug]) {
    const path = join(root, 'dist/gateway', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`${file} has no one place for the bug: ${find}`);
    writeFileSync(
      path,
      text.replace(find, () => put),
    );
  }
  return {
    program: join(root, 'dist/gateway/main.js'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
