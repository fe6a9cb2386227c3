import { expect, test } from 'vitest';
import {
  createIdempotencyCache,
  IDEMPOTENCY_WINDOW_MS,
} from '../../simulator/engine/idempotency.ts';

test('a key is remembered for 24 hours and not longer', () => {
  const cache = createIdempotencyCache();
  const reply = Promise.resolve({ status: 200, body: {} });
  cache.remember('k', { taskId: 't', bodyFingerprint: 'f', reply }, 1_000);
  expect(IDEMPOTENCY_WINDOW_MS).toBe(86_400_000);
  expect(cache.find('k', 1_000 + IDEMPOTENCY_WINDOW_MS - 1)?.taskId).toBe('t');
  expect(cache.find('k', 1_000 + IDEMPOTENCY_WINDOW_MS)).toBeUndefined();
  expect(cache.find('other', 1_000)).toBeUndefined();
});
