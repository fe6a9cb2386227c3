import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { type Rule, ruleUnless } from '../rule.ts';
import { HTML } from '../trouble.ts';

import { checkMeans } from './asking.ts';

/** 404s of what stands on the way: a wrong path, a gateway, a server that is being replaced. */
const NOT_THE_PROVIDERS: readonly unknown[] = [
  '',
  HTML,
  '<html><body><pre>Cannot GET /</pre></body></html>',
  'null',
  '[]',
  'not found',
  '"NotFound"',
  {},
  { message: 'no Route matched with those values' },
  { detail: 'Not Found' },
  { error: 'Not Found', message: 'Not Found' },
  { statusCode: 404, message: 'Cannot GET /', error: 'Not Found' },
  { timestamp: '2026-11-21T10:00:00.000+00:00', status: 404, error: 'Not Found', path: '/' },
  { fault: { faultstring: 'Unable to identify proxy', detail: { errorcode: 'no_proxy' } } },
];

export const saysWhatIsUnknown = ruleUnless(
  ({ unknownTask }) => !unknownTask && 'its fixture does not say how an unknown task is told',
);

/** "Lost" is said only by the provider, and in its own words: anything else is an outage of checks. */
export const oddAnswers: readonly Rule[] = [
  saysWhatIsUnknown('a task is missing when the provider itself says so', async (fixture) => {
    for (const answer of fixture.unknownTask ?? []) {
      expect(await checkMeans(fixture, { check: answer })).toEqual({ is: 'missing' });
    }
  }),

  saysWhatIsUnknown('a 404 in any other words is a check that failed', async (fixture) => {
    const own = fixture.unknownTask ?? [];
    for (const body of NOT_THE_PROVIDERS) {
      if (own.some((answer) => isDeepStrictEqual(answer.body, body))) continue;
      const means = await checkMeans(fixture, { check: { status: 404, body } });
      expect(means, JSON.stringify(body)).toMatchObject({ is: 'Retryable', code: 'unavailable' });
    }
  }),
];
