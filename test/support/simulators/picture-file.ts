import { fileURLToPath } from 'node:url';

/** Path of a picture beside the sources; the compiled simulators in dist/ use the same file. */
export function pictureFile(name: string): string {
  const beside = new URL(`./pictures/${name}`, import.meta.url);
  return fileURLToPath(beside.href.replace(/\/dist\/test\/(?!.*\/dist\/test\/)/, '/test/'));
}
