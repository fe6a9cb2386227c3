import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router } from 'express';
import { queueNames } from '../config/queues.ts';
import type { QueueSet } from '../producers/queue-set.ts';

export const BOARD_PATH = '/admin/queues';

/** How often, at most, it is looked up who has subscribed. */
const REFRESH_MS = 5_000;

/**
 * Bull Board over every queue, to be mounted at `BOARD_PATH` behind a login. Read-only unless
 * `writable`. URLs in job data are shortened to their host: an image URL is as good as the image.
 */
export function createBoard(options: {
  queues: QueueSet;
  providers: readonly string[];
  subscriberNames: () => Promise<string[]>;
  writable: boolean;
  now: () => number;
}): Router {
  const { queues, now } = options;
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(BOARD_PATH);

  const show = (name: string): BullMQAdapter => {
    const adapter = new BullMQAdapter(queues.get(name), {
      readOnlyMode: !options.writable,
      allowRetries: options.writable,
      description: describe(name),
    });
    adapter.setFormatter('data', withoutUrls);
    adapter.setFormatter('progress', withoutUrls);
    return adapter;
  };

  const shown = new Set([
    ...options.providers.flatMap((name) => [queueNames.submit(name), queueNames.poll(name)]),
    queueNames.completions,
    queueNames.subscriber('callback'),
  ]);
  const board = createBullBoard({
    queues: [...shown].map(show),
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: 'Catwalk',
        pollingInterval: { forceInterval: 10, showSetting: true },
        showWorkers: false,
        hideRedisDetails: true,
      },
    },
  });

  let refreshedAt = 0;
  const router = Router();
  router.use(async (_request, _response, next) => {
    if (now() - refreshedAt > REFRESH_MS) {
      refreshedAt = now();
      for (const subscriber of await options.subscriberNames()) {
        const name = queueNames.subscriber(subscriber);
        if (!shown.has(name)) board.addQueue(show(name));
        shown.add(name);
      }
    }
    next();
  });
  const pages = serverAdapter.getRouter();
  pages.disable('x-powered-by');
  router.use(pages);
  return router;
}

function describe(name: string): string {
  if (name === queueNames.completions) return 'what webhooks, polls and cancels say; decided here';
  if (name.startsWith(queueNames.submit(''))) return 'generations on their way to the provider';
  if (name.startsWith(queueNames.poll(''))) return 'delayed rounds: each polls whatever is due';
  return 'completion events for one subscriber; failed = dead letters';
}

/** Any URL becomes its host alone, at any depth. */
export function withoutUrls(value: unknown): unknown {
  if (typeof value === 'string') {
    return value
      .replace(/(https?:\/\/[^/\s"'?#]*)[^\s"']*/g, '$1/…')
      .replace(/data:[^\s"']+/g, 'data:…');
  }
  if (Array.isArray(value)) return value.map(withoutUrls);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withoutUrls(part)]));
}
