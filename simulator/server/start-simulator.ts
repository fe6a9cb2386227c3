import { once } from 'node:events';
import { createServer } from 'node:http';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { DIALECTS } from '../dialects/registry.ts';
import { createClock } from '../engine/clock.ts';
import type { SimulatorContext } from '../engine/context.ts';
import { createProviderState } from '../engine/provider-state.ts';
import { createWebhookSender } from '../engine/webhook-sender.ts';
import { createImageLoader } from '../pictures/image-loader.ts';
import { createImagePool } from '../pictures/image-pool.ts';
import { createResults } from '../pictures/results.ts';
import { createActiveScenarios } from '../scenarios/active-scenarios.ts';
import { createApp } from './app.ts';
import { createControls, type SimulatorControls } from './controls.ts';
import { type CheckedOptions, checkOptions, type SimulatorOptions } from './options.ts';

const LOOPBACK = '127.0.0.1';

/** A running simulator. */
export interface Simulator
  extends Pick<
    SimulatorControls,
    'ledger' | 'setScenario' | 'setWebhook' | 'setCredits' | 'reset'
  > {
  /** `http://127.0.0.1:<port>`; providers are at `<url>/<provider>`. */
  url: string;
  /** Ends every task and delivery and frees the port. A second call does nothing more. */
  close(): Promise<void>;
}

/**
 * Starts stand-in providers on loopback. Resolves when they can be called. Throws
 * SimulatorOptionError for options that make no sense, and the socket's error for a taken port.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const checked = checkOptions(options);
  const dialects = [...DIALECTS, ...checked.moreDialects];
  const clock = createClock(checked.timeScale);
  const sender = createWebhookSender(clock, checked.receiverTimeoutMs);
  let running = new AbortController();
  let url = '';

  const context: SimulatorContext = {
    clock,
    sender,
    ...contents(checked, () => url),
    scenarios: createActiveScenarios(
      checked.scenario,
      dialects.map(({ name }) => name),
    ),
    baseUrl: () => url,
    resultLifetimeMs: checked.resultLifetimeMs * checked.timeScale,
    stopSignal: () => running.signal,
    log: checked.log,
  };
  const states = dialects.map((dialect) =>
    createProviderState(dialect, checked.providers[dialect.name] ?? {}, context),
  );

  function endWork(): void {
    // First the signal: clearing the clock wakes every pause, and what wakes must see the end.
    running.abort();
    sender.cancel();
    clock.clear();
  }

  const { results } = context;
  const controls = createControls(states, () => {
    endWork();
    running = new AbortController();
  });
  const server = createServer(
    createApp({ states, results, controls, assetsDir: checked.assetsDir }),
  );
  server.listen(checked.port, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Not listening on TCP.');
  url = `http://${LOOPBACK}:${address.port}`;

  return {
    url,
    ...controls,
    async close() {
      endWork();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, sender.close()]);
    },
  };
}

function contents({ assetsDir, seed, latencyMs }: CheckedOptions, baseUrl: () => string) {
  const images = createImageLoader({ assetsDir, assetsUrl: () => `${baseUrl()}/assets/` });
  const nextLatencyMs = latencies(seed, latencyMs);
  return { results: createResults(images), imagePool: createImagePool(), nextLatencyMs };
}

/** One seed, one row of latencies. */
function latencies(seed: number, { min, max }: { min: number; max: number }): () => number {
  const random = xoroshiro128plus(seed);
  return () => min + uniformFloat64(random) * (max - min);
}
