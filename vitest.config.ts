import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

/** As in tsconfig.json: an adapter is tested here with the import that it has in its own project. */
const providerKit = fileURLToPath(new URL('src/provider-kit.ts', import.meta.url));

export default defineConfig({
  resolve: { alias: { 'catwalk/provider-kit': providerKit } },
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    // Most of a test's time is spent waiting for real processes and sockets, not computing.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    include: ['test/**/*.test.ts'],
    // Each test builds its own world and none changes the process, so that files share the modules of
    // their worker: loading them anew for every file took a quarter of the whole run.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
