import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { monotonicMs } from '../clock.ts';
import { BODY } from '../requests.ts';
import type { Stack } from '../stack.ts';

const IN_FLIGHT = 32;
const PATIENCE_MS = 300_000;

const Accepted = z.object({ id: z.string() });
const Refused = z.object({ code: z.string() });

export interface Answers {
  /** Ids, by the idempotency key of each. */
  readonly accepted: Map<string, string>;
  readonly refused: number;
}

/**
 * Asks over HTTP, each with an idempotency key, as a careful app does.
 * @param most how many, unless `isEnough` says so before.
 * @throws for an answer other than "accepted" and "Redis is too full".
 */
export async function ask(
  { apiUrl, apiKey }: Stack,
  most: number,
  name: string,
  isEnough: (answers: Answers) => boolean = () => false,
): Promise<Answers> {
  const pool = new Pool(apiUrl, { connections: IN_FLIGHT });
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const answers = { accepted: new Map<string, string>(), refused: 0 };
  let asked = 0;

  async function askOne(key: string): Promise<void> {
    const answer = await pool.request({
      ...{ method: 'POST', path: '/v1/generations', body: BODY },
      headers: { ...headers, 'idempotency-key': key },
    });
    const body: unknown = await answer.body.json();
    if (answer.statusCode === 202) answers.accepted.set(key, Accepted.parse(body).id);
    else if (Refused.safeParse(body).data?.code === 'redis_memory_full') answers.refused += 1;
    else throw new Error(`a request was answered ${answer.statusCode}: ${JSON.stringify(body)}`);
  }

  const askOn = async (): Promise<void> => {
    while (asked < most && !isEnough(answers)) {
      asked += 1;
      await askOne(`${name}-2026-118-${String(asked).padStart(8, '0')}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, askOn));
  } finally {
    await pool.close();
  }
  return answers;
}

/** Looks again and again. @throws when it takes five minutes. */
export async function untilIs(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = monotonicMs() + PATIENCE_MS;
  while (!(await isSo())) {
    if (monotonicMs() > deadline) throw new Error(`waited in vain until ${what}`);
    await wait(200);
  }
}
