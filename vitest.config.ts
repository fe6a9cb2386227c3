import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** As in tsconfig.json: an adapter is tested here with the import that it has in its own project. */
const providerKit = fileURLToPath(new URL('src/provider-kit.ts', import.meta.url));

export default defineConfig({
  resolve: { alias: { 'catwalk/provider-kit': providerKit } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-redis.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    // Most of a test's time is spent waiting for real processes and sockets, not computing.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
