import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { monotonicMs } from './clock.ts';

/** The app that asks: over HTTP, on connections that stay open. */
export interface Requests {
  /** As fast as they are accepted. Resolves with the ids when all have been. */
  burst(count: number): Promise<string[]>;
  /** One every 1/rate seconds, whether the earlier ones have been accepted or not. */
  steadily(count: number, ratePerSecond: number): Promise<string[]>;
  /** Resolves when the provider has accepted every one of them. */
  untilSubmitted(ids: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const IN_FLIGHT = 64;
const PATIENCE_MS = 60_000;

/** A usual request: two image URLs of the length that shops' own image hosts have, and an order to find again. */
export const BODY = JSON.stringify({
  provider: 'fitinview',
  model: 'tryon',
  input: {
    personImage:
      'https://images.shop.example/customers/8f14e45f-ceea-467f-9575-1c1f1d6b0f2a/portrait-1536x2048.jpg',
    garmentImages: [
      'https://images.shop.example/products/autumn-2026/linen-shirt-white/front-1536x2048.jpg',
    ],
  },
  metadata: { order: '2026-118-004711' },
});

const Representation = z.object({ id: z.string(), submittedAt: z.string().nullable() });
type Representation = z.infer<typeof Representation>;

export function createRequests(apiUrl: string, apiKey: string): Requests {
  const pool = new Pool(apiUrl, { connections: IN_FLIGHT });
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

  async function call(method: 'GET' | 'POST', path: string): Promise<Representation> {
    const body = method === 'POST' ? BODY : null;
    const answer = await pool.request({ method, path, headers, body });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} was answered ${text}`);
    return Representation.parse(JSON.parse(text));
  }
  const request = async (): Promise<string> => (await call('POST', '/v1/generations')).id;

  return {
    async burst(count) {
      const ids: string[] = [];
      let asked = 0;
      const ask = async (): Promise<void> => {
        while (asked++ < count) ids.push(await request());
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, ask));
      return ids;
    },

    async steadily(count, ratePerSecond) {
      const startedAt = monotonicMs();
      const asked: Promise<string>[] = [];
      while (asked.length < count) {
        const due = startedAt + (asked.length * 1000) / ratePerSecond;
        const early = due - monotonicMs();
        if (early > 0) await wait(early);
        const id = request();
        id.catch(() => {}); // told by Promise.all below
        asked.push(id);
      }
      return Promise.all(asked);
    },

    async untilSubmitted(ids) {
      const deadline = monotonicMs() + PATIENCE_MS;
      for (const id of ids) {
        while ((await call('GET', `/v1/generations/${id}`)).submittedAt === null) {
          if (monotonicMs() > deadline) throw new Error(`${id} was not submitted in time`);
          await wait(50);
        }
      }
    },

    close: () => pool.close(),
  };
}
