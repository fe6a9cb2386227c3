import { Router } from 'express';
import type { Redis } from 'ioredis';
import { sendProblem } from '../error-response.ts';
import { needingRedis } from '../unavailable.ts';

/** A connection that is there and answers nothing for so long is dead, and nobody told us. */
const SILENT_AFTER_MS = 60_000;

/**
 * `/livez`: whether a restart would help. 200 while this process turns its event loop, also while
 * Redis is away; 503 when a connection that looks alive has answered no look for a minute. Answers
 * at once, with what the looks before have shown. `/readyz`: whether it can reach Redis now.
 */
export function healthRoutes(redis: Redis, now: () => number): Router {
  const router = Router();
  let looking = false;
  let silentSince: number | undefined;

  async function look(): Promise<void> {
    if (redis.status !== 'ready') silentSince = undefined;
    if (looking || redis.status !== 'ready') return;
    looking = true;
    const askedAt = now();
    try {
      await redis.ping();
      silentSince = undefined;
    } catch {
      silentSince ??= askedAt;
    }
    looking = false;
  }

  router.get('/livez', (_request, response) => {
    void look();
    if (silentSince === undefined || now() - silentSince < SILENT_AFTER_MS) {
      response.json({ status: 'ok' });
    } else {
      const detail = 'Redis is connected, and answers nothing.';
      sendProblem(response, 503, { code: 'redis_silent', detail });
    }
  });
  router.get('/readyz', async (_request, response) => {
    try {
      await needingRedis(redis.ping());
      response.json({ status: 'ok' });
    } catch {
      response.setHeader('retry-after', '2');
      sendProblem(response, 503, { code: 'redis_unreachable', detail: 'Redis does not answer.' });
    }
  });
  return router;
}
