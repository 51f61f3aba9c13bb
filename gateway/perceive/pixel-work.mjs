// Compiles pixel-work.c into pixel-work-wasm.ts. Needs Debian's clang and lld; gateways and builds do not.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const out = join(mkdtempSync(join(tmpdir(), 'kanmen-wasm-')), 'pixel-work.wasm');
const options =
  '--target=wasm32 -O2 -msimd128 -nostdlib -ffreestanding -Wall -Werror -Wl,--no-entry -Wl,--import-memory -Wl,--strip-all -Wl,-z,stack-size=4096';
execFileSync('clang', [...options.split(' '), '-o', out, here('pixel-work.c')], { stdio: 'inherit' });
const source = createHash('sha256')
  .update(readFileSync(here('pixel-work.c')))
  .digest('hex');
const lines = readFileSync(out)
  .toString('base64')
  .match(/.{1,116}/g);
writeFileSync(
  here('pixel-work-wasm.ts'),
  `/** Made by pixel-work.mjs. Do not edit. */
export const sourceSha256 = '${source}';

/** \`pixel-work.c\` as WebAssembly, base64. */
export const wasmBase64 =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`,
);
