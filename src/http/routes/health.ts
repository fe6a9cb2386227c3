import { Router } from 'express';
import type { Redis } from 'ioredis';
import { sendProblem } from '../error-response.ts';
import { needingRedis } from '../unavailable.ts';

/** `/livez`: this process still turns its event loop. `/readyz`: and it can reach Redis. */
export function healthRoutes(redis: Redis): Router {
  const router = Router();
  router.get('/livez', (_request, response) => {
    response.json({ status: 'ok' });
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
