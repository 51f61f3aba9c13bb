import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const gateway = join(root, 'gateway');

/** What may join rooms: the process edge, the gateway (app.ts with its folder), the desk, the one-shot commands. */
const compositionRoots = ['main.ts', 'app.ts', 'app', 'desk.ts', 'tools'];
/** Folders every room may use. */
const shared = ['lib', 'domain'];

function filesUnder(folder: string, ending: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => ending.test(path) && statSync(path).isFile());
}

/** Every module specifier of a file, type-only imports included. */
function importsOf(path: string): string[] {
  return ts.preProcessFile(readFileSync(path, 'utf8'), true, true).importedFiles.map((file) => file.fileName);
}

/** First folder below gateway/, or the file's own name for a file at the top. */
const roomOf = (path: string): string => relative(gateway, path).split('/')[0] ?? '';

const gatewayFiles = filesUnder(gateway, /\.ts$/);
const rooms = readdirSync(gateway).filter((name) => {
  const folder = join(gateway, name);
  return (
    statSync(folder).isDirectory() &&
    !['lib', 'domain', 'decisions', 'deploy', 'tools', 'app'].includes(name) &&
    filesUnder(folder, /\.ts$/).length > 0
  );
});

describe('architecture', () => {
  it('keeps the top level as agreed', () => {
    const allowed = new Set([
      'package.json',
      'tsconfig.json',
      'gateway',
      'rules',
      'models',
      'dashboard',
      'test',
      'docker-compose.yml',
      'README.md',
      'README.zh-CN.md',
      'LICENSE',
      'CHANGELOG.md',
      'THIRD_PARTY.md',
      'package-lock.json',
      'eslint.config.js',
      'vitest.config.ts',
      'node_modules',
      'dist',
    ]);
    expect(readdirSync(root).filter((name) => !name.startsWith('.') && !allowed.has(name))).toEqual([]);
  });

  it('lets rooms import only lib, domain and themselves', () => {
    const faults = gatewayFiles.flatMap((path) => {
      const room = roomOf(path);
      if (compositionRoots.includes(room)) return [];
      return (
        importsOf(path)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => roomOf(resolve(dirname(path), specifier)))
          .filter((target) => target !== room && !shared.includes(target))
          // A room's test may use what test/support gives to all tests.
          .filter((target) => !(target === '..' && path.endsWith('.test.ts')))
          // config joins the rooms' options into one closed schema (design section 8).
          .filter(() => !(room === 'config'))
          .map((target) => `${relative(root, path)} imports ${target}`)
      );
    });
    expect(faults).toEqual([]);
  });

  it('lets config import nothing of a room but its options', () => {
    const faults = gatewayFiles
      .filter((path) => roomOf(path) === 'config')
      .flatMap((path) =>
        importsOf(path)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => resolve(dirname(path), specifier))
          .filter((target) => ![...shared, 'config'].includes(roomOf(target)) && !target.endsWith('/options.ts'))
          .map((target) => `${relative(root, path)} imports ${relative(root, target)}`),
      );
    expect(faults).toEqual([]);
  });

  it('keeps lib free of the product and domain free of rooms', () => {
    const faults = gatewayFiles
      .filter((path) => shared.includes(roomOf(path)))
      .flatMap((path) =>
        importsOf(path)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => roomOf(resolve(dirname(path), specifier)))
          .filter((target) => target !== roomOf(path) && !(roomOf(path) === 'domain' && target === 'lib'))
          .map((target) => `${relative(root, path)} imports ${target}`),
      );
    expect(faults).toEqual([]);
  });

  it('joins rooms only through their index or options', () => {
    const faults = gatewayFiles
      .filter((path) => compositionRoots.includes(roomOf(path)))
      .flatMap((path) =>
        importsOf(path)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => resolve(dirname(path), specifier))
          .filter((target) => rooms.includes(roomOf(target)) && !/\/(index|options)\.ts$/.test(target))
          .map((target) => `${relative(root, path)} imports ${relative(root, target)}`),
      );
    expect(faults).toEqual([]);
  });

  it('opens every room with its five lines', () => {
    const faults = rooms.filter((room) => {
      const text = readFileSync(join(gateway, room, 'index.ts'), 'utf8').slice(0, 1500);
      return !['takes', 'gives', 'keeps', 'never', 'spec'].every((word) =>
        new RegExp(`^ \\* ${word}\\s*:`, 'm').test(text),
      );
    });
    expect(faults).toEqual([]);
  });

  it('touches process only in main.ts', () => {
    const faults = gatewayFiles
      .filter((path) => relative(gateway, path) !== 'main.ts')
      .filter((path) => {
        const text = readFileSync(path, 'utf8');
        return (
          /\bprocess\.(env|exit|argv|kill|on|once|stdout|stderr|stdin|cwd|chdir)\b/.test(text) ||
          /from '(node:)?process'/.test(text)
        );
      })
      .map((path) => relative(root, path));
    expect(faults).toEqual([]);
  });

  it('keeps the simulators apart from the gateway', () => {
    const apart = ['simulators', 'stream-set'].flatMap((name) => filesUnder(join(root, 'test/support', name), /\.ts$/));
    const faults = apart.flatMap((path) =>
      importsOf(path)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => resolve(dirname(path), specifier))
        .filter((target) => target.startsWith(`${gateway}/`))
        .map((target) => `${relative(root, path)} imports ${relative(root, target)}`),
    );
    expect(faults).toEqual([]);
  });

  it('calls detectors from one place', () => {
    // One `perceive` function for live cameras, files and inspect: nobody outside the room may create a model session.
    const faults = gatewayFiles
      .filter((path) => roomOf(path) !== 'perceive' && importsOf(path).includes('onnxruntime-node'))
      .map((path) => relative(root, path));
    expect(faults).toEqual([]);
  });

  it('opens finders and readers in one place, so that there is one way of looking at a picture', () => {
    const openers = /\bopen(PlateFinder|PlateReader|FaceFinder)\(/;
    const callers = gatewayFiles
      .filter((path) => !path.endsWith('.test.ts'))
      .filter((path) => openers.test(readFileSync(path, 'utf8').replace(/function open\w+\(/g, '')))
      .map((path) => relative(gateway, path));
    expect(callers).toEqual(['perceive/perceive.ts']);
  });

  it('keeps files short, or lets the top say why not', () => {
    const faults = gatewayFiles
      .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
      .filter(({ text }) => text.split('\n').length > 400 && !/long because/i.test(text.slice(0, 600)))
      .map(({ path }) => relative(root, path));
    expect(faults).toEqual([]);
  });

  it('has no default exports, numbered files or drawers named utils', () => {
    const faults = gatewayFiles.filter(
      (path) =>
        /\bexport default\b/.test(readFileSync(path, 'utf8')) ||
        /(^|\/)(utils|helpers|common)(\.ts|\/)/.test(path) ||
        /\/\d+[^/]*\.ts$/.test(path),
    );
    expect(faults.map((path) => relative(root, path))).toEqual([]);
  });
});
