import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GlobalFonts } from '@napi-rs/canvas';

/** Family name under which the typeface of plates and on-screen texts is registered. */
export const cjkFamily = 'SimulatorCjk';

/** Files of Debian packages fonts-noto-cjk, fonts-wqy-zenhei and fonts-wqy-microhei, best first. */
const preferred = ['NotoSansCJK-Bold.ttc', 'NotoSansCJK-Regular.ttc', 'wqy-zenhei.ttc', 'wqy-microhei.ttc'];
const folders = ['/usr/share/fonts', '/usr/local/share/fonts'];

function findFontFile(): string {
  const found = new Map<string, string>();
  for (const folder of folders) {
    let names: string[];
    try {
      names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    } catch {
      // A machine may have only one of the two folders.
      continue;
    }
    for (const name of names) found.set(name.slice(name.lastIndexOf('/') + 1), join(folder, name));
  }
  for (const name of preferred) {
    const path = found.get(name);
    if (path !== undefined) return path;
  }
  try {
    const path = execFileSync('fc-match', ['-f', '%{file}', 'sans:lang=zh-cn:weight=200'], { encoding: 'utf8' }).trim();
    if (path !== '') return path;
  } catch {
    // No fontconfig tool either: the message below says what to install.
  }
  throw new Error('no CJK typeface found; install one, on Debian: apt-get install fonts-noto-cjk');
}

let registered = false;

/** Makes `cjkFamily` usable on canvases of this process. Throws when the machine has no CJK typeface. */
export function registerCjkFont(): void {
  if (registered) return;
  const path = findFontFile();
  if (!GlobalFonts.registerFromPath(path, cjkFamily)) throw new Error(`cannot load the typeface ${path}`);
  registered = true;
}
