import { defineConfig } from 'vitest/config';

// Vitest reads a default export; it is the one exception to named exports.
export default defineConfig({
  test: {
    include: ['gateway/**/*.test.ts', 'test/**/*.test.ts', 'dashboard/**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', '.cache/**'],
    globalSetup: ['test/support/build-once.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});
