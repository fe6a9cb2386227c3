import { once } from 'node:events';
import { createServer } from 'node:http';
import { dialects } from '../dialects/registry.ts';
import { createClock } from '../engine/clock.ts';
import type { Ledger } from '../engine/ledger.ts';
import { clearProviderState, createProviderState, type World } from '../engine/provider-state.ts';
import { createRandom } from '../engine/random.ts';
import { createWebhookCourier } from '../engine/webhook-sender.ts';
import { createImagePool } from '../pictures/image-identity.ts';
import { createImageLoader } from '../pictures/image-loader.ts';
import { createGallery } from '../pictures/results.ts';
import { createScenarioBoard, type ScenarioScope } from '../scenarios/active-scenarios.ts';
import {
  isScenarioName,
  type ScenarioName,
  unknownScenarioMessage,
} from '../scenarios/scenarios.ts';
import { createApp } from './app.ts';
import type { SimulatorControls } from './control-routes.ts';
import {
  checkOptions,
  type SimulatorOptions,
  unknownProviderMessage,
  webhookUrlProblem,
} from './options.ts';

const loopback = '127.0.0.1';

/** A running simulator. */
export interface Simulator {
  /** `http://127.0.0.1:<port>`; providers live at `<url>/<provider>`. */
  url: string;
  /** What each provider accepted, refused, charged, answered and delivered so far. */
  ledger(): Ledger;
  /** The scenario of later submits that ask for none. Starts the count of "first submits" anew. */
  setScenario(name: ScenarioName, scope?: ScenarioScope): void;
  /**
   * The account's webhook, for later messages of submissions that named none; null for none.
   * Throws RangeError when the provider cannot have it.
   */
  setWebhook(provider: string, url: string | null): void;
  /** Forgets all tasks, books, keys, uploads, spending and scenarios, as if just started. */
  reset(): void;
  /** Ends every task and delivery and frees the port. A second call does nothing more. */
  close(): Promise<void>;
}

/**
 * Starts stand-in providers on loopback. Resolves when they can be called. Throws
 * SimulatorOptionError for options that make no sense, and the socket's error for a taken port.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const checked = checkOptions(options);
  const random = createRandom(checked.seed);
  const clock = createClock(checked.timeScale);
  const courier = createWebhookCourier(clock, checked.receiverTimeoutMs);
  const spoken = [...dialects, ...checked.moreDialects];
  const providerNames = spoken.map((dialect) => dialect.name);
  const board = createScenarioBoard(checked.scenario, providerNames);
  let life = new AbortController();
  let url = '';

  const gallery = createGallery(
    createImageLoader({ assetsDir: checked.assetsDir, assetsUrl: () => `${url}/assets/` }),
  );
  const { min, max } = checked.latencyMs;
  const world: World = {
    clock,
    gallery,
    images: createImagePool(),
    courier,
    board,
    nextLatencyMs: () => min + random() * (max - min),
    baseUrl: () => url,
    life: () => life.signal,
    log: checked.log,
  };
  const states = spoken.map((dialect) =>
    createProviderState(dialect, checked.providers[dialect.name] ?? {}, world),
  );

  function endAllWork(): void {
    // First the signal: clearing the clock wakes every pause, and what wakes must see the end.
    life.abort();
    courier.cancel();
    clock.clear();
  }

  const controls: SimulatorControls = {
    providerNames,
    ledger: () =>
      Object.fromEntries(
        states.map((state) => [state.dialect.name, state.book.read(state.creditsLeft)]),
      ),
    clearLedger() {
      for (const state of states) state.book.clear();
    },
    setScenario(name, scope = {}) {
      if (!isScenarioName(name)) throw new RangeError(unknownScenarioMessage(name));
      if (scope.provider !== undefined && !providerNames.includes(scope.provider)) {
        throw new RangeError(unknownProviderMessage(scope.provider));
      }
      board.set(name, scope);
    },
    setWebhook(provider, url) {
      const state = states.find((candidate) => candidate.dialect.name === provider);
      if (!state) throw new RangeError(unknownProviderMessage(provider));
      const problem = url === null ? undefined : webhookUrlProblem({ provider, url });
      if (problem !== undefined) throw new RangeError(problem);
      state.webhookUrl = url ?? undefined;
    },
    setOutage(provider, answer, seconds) {
      const state = states.find((candidate) => candidate.dialect.name === provider);
      if (!state) throw new RangeError(unknownProviderMessage(provider));
      state.outage = { reason: answer, untilMs: Date.now() + seconds * 1000 };
    },
    reset() {
      endAllWork();
      life = new AbortController();
      for (const state of states) clearProviderState(state);
      gallery.clear();
      board.clear();
    },
  };

  const server = createServer(
    createApp({ states, gallery, controls, assetsDir: checked.assetsDir }),
  );
  server.listen(checked.port, loopback);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Not listening on TCP.');
  url = `http://${loopback}:${address.port}`;

  return {
    url,
    ledger: controls.ledger,
    setScenario: controls.setScenario,
    setWebhook: controls.setWebhook,
    reset: controls.reset,
    async close() {
      endAllWork();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, courier.close()]);
    },
  };
}
