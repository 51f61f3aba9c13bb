import { defineConfig } from 'vitest/config';
import { PlainCountReporter } from './test/support/plain-count-reporter.ts';

// Vitest reads a default export; it is the one exception to named exports.
export default defineConfig({
  test: {
    include: ['gateway/**/*.test.ts', 'test/**/*.test.ts', 'dashboard/**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', '.cache/**'],
    globalSetup: ['test/support/build-once.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', new PlainCountReporter()],
  },
});
