import { type Request, Router } from 'express';
import { z } from 'zod';
import { InvalidRequest } from '../../generation/errors.ts';
import { MOST_DAYS, type Usage } from '../../store/usage.ts';
import { needingRedis } from '../unavailable.ts';

const Days = z.coerce.number().int().min(1).max(MOST_DAYS).default(7);

/** `GET /?days`: what the caller itself used, by day (UTC, today first), provider and model. */
export function usageRoutes(parts: {
  usage: Pick<Usage, 'lastDays'>;
  tenantOf: (request: Request) => string;
  now: () => number;
}): Router {
  const router = Router();
  router.get('/', async (request, response) => {
    const tenant = parts.tenantOf(request);
    const days = Days.safeParse(request.query['days']);
    if (!days.success) {
      const message = `takes 1 to ${MOST_DAYS}`;
      throw new InvalidRequest('invalid_request', `days ${message}`, [{ field: 'days', message }]);
    }
    const shown = await needingRedis(parts.usage.lastDays(tenant, days.data, parts.now()));
    response.setHeader('cache-control', 'no-store');
    response.json({ days: shown });
  });
  return router;
}
