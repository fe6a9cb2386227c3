import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { monotonicMs } from '../clock.ts';

/** One request to ask for. */
interface Ask {
  readonly tenant: string;
  /** What the provider's books call it. */
  readonly name: string;
  /** The provider answers 403, whenever it is sent. */
  readonly isRefused?: boolean;
  readonly callbackUrl?: string;
}

/** All tenants, over HTTP. */
export interface App {
  /** When it was accepted: `monotonicMs`. @throws Error with any other answer. */
  ask(request: Ask): Promise<number>;
  /** As fast as they are accepted. */
  askAll(requests: readonly Ask[]): Promise<void>;
  /** Each at its time after now, whether the earlier ones have been accepted or not; by name. */
  askAt(requests: readonly (Ask & { readonly atMs: number })[]): Promise<Map<string, number>>;
  close(): Promise<void>;
}

const CONNECTIONS = 32;
const Accepted = z.object({ id: z.string() });

export function createApp(options: {
  apiUrl: string;
  provider: string;
  keyOf: (tenant: string) => string;
}): App {
  const pool = new Pool(options.apiUrl, { connections: CONNECTIONS });

  async function ask({ tenant, name, isRefused, callbackUrl }: Ask): Promise<number> {
    const about = `request=${name}${isRefused ? '&do=refuse' : ''}`;
    const answer = await pool.request({
      method: 'POST',
      path: '/v1/generations',
      headers: {
        authorization: `Bearer ${options.keyOf(tenant)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        provider: options.provider,
        model: 'tryon-v1.6',
        input: {
          personImage: `https://images.shop.example/customers/portrait-1536x2048.jpg?${about}`,
          garmentImages: ['https://images.shop.example/products/linen-shirt-white/front.jpg'],
        },
        ...(callbackUrl !== undefined && { callbackUrl }),
      }),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 202) throw new Error(`${tenant} was answered ${text}`);
    Accepted.parse(JSON.parse(text));
    return monotonicMs();
  }

  return {
    ask,
    async askAll(requests) {
      let next = 0;
      const askNext = async (): Promise<void> => {
        for (let one = requests[next++]; one; one = requests[next++]) await ask(one);
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, askNext));
    },
    async askAt(requests) {
      const startedAt = monotonicMs();
      const accepted = requests.map(async ({ atMs, ...request }) => {
        await wait(Math.max(startedAt + atMs - monotonicMs(), 0));
        return [request.name, await ask(request)] as const;
      });
      return new Map(await Promise.all(accepted));
    },
    close: () => pool.destroy(),
  };
}
