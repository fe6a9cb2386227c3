import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

/** As in tsconfig.json: an adapter is tested here with the import that it has in its own project. */
const providerKit = fileURLToPath(new URL('src/provider-kit.ts', import.meta.url));

/**
 * Folders whose tests share nothing but modules: each builds its own world, and none changes the
 * process. Their files share a worker's modules, which costs a third of the time that loading takes.
 */
const SHARING_MODULES = [
  'clients',
  'contract',
  'generation',
  'outbound',
  'producers',
  'providers',
  'simulator',
  'store',
].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  resolve: { alias: { 'catwalk/provider-kit': providerKit } },
  test: {
    globalSetup: ['test/support/global-redis.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    // Most of a test's time is spent waiting for real processes and sockets, not computing.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: SHARING_MODULES },
      },
      { extends: true, test: { name: 'together', include: SHARING_MODULES, isolate: false } },
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
