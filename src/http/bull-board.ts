import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { type RequestHandler, Router } from 'express';
import { type QueueName, queueNames, readQueueName } from '../config/queues.ts';
import { redact } from '../config/redact.ts';
import type { QueueSet } from '../producers/queue-set.ts';
import { CALLBACKS } from '../store/subscribers.ts';
import { HttpError } from './error-response.ts';
import { needingRedis } from './unavailable.ts';

export const BOARD_PATH = '/admin/queues';

/** How often, at most, it is looked up who has subscribed. */
const REFRESH_MS = 5_000;

/**
 * Bull Board over every queue, to be mounted at `BOARD_PATH` behind a login. Read-only unless
 * `writable`. Whatever of a job is shown is redacted first: an image URL is as good as the image.
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

  const show = (name: string): BullMQAdapter =>
    new BullMQAdapter(queues.get(name), {
      readOnlyMode: !options.writable,
      allowRetries: options.writable,
      description: DESCRIPTIONS[readQueueName(name)?.family ?? 'subscriber'],
    });

  const shown = new Set([
    ...options.providers.flatMap((name) => [queueNames.submit(name), queueNames.poll(name)]),
    queueNames.completions,
    ...CALLBACKS.map(queueNames.subscriber),
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
      for (const subscriber of await needingRedis(options.subscriberNames())) {
        const name = queueNames.subscriber(subscriber);
        if (!shown.has(name)) board.addQueue(show(name));
        shown.add(name);
      }
      refreshedAt = now();
    }
    next();
  });
  router.use(ownPagesOnly);
  const pages = serverAdapter.getRouter();
  pages.disable('x-powered-by');
  router.use(pages);
  return router;
}

/**
 * Takes out what would come from, or go to, elsewhere: the page's fonts from a third party, and URLs
 * and credentials in whatever the API answers, job logs and error messages included. Jobs cannot be
 * written, because what the board shows of them is not what they hold.
 */
const ownPagesOnly: RequestHandler = (request, response, next) => {
  if (request.method === 'PATCH' || /^\/api\/queues\/[^/]+\/add\/?$/i.test(request.path)) {
    throw new HttpError(
      403,
      'not_offered',
      'Jobs can be retried and removed here, but not written.',
    );
  }
  const send = response.send.bind(response);
  response.send = (body: unknown) =>
    send(typeof body === 'string' ? body.replace(THIRD_PARTY_STYLES, '') : body);
  const json = response.json.bind(response);
  response.json = (body: unknown) => json(redact(body));
  next();
};

const THIRD_PARTY_STYLES = /<link href="https:[^>]*>/g;

const DESCRIPTIONS: Readonly<Record<QueueName['family'], string>> = {
  completions: 'what webhooks, polls and cancels say; decided here',
  submit: 'generations on their way to the provider',
  poll: 'delayed rounds: each polls whatever is due',
  vault: 'results that are still to be kept; the most urgent goes first',
  subscriber: 'completion events for one subscriber; failed = dead letters',
};
