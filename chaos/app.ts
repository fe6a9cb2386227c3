import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { requestFor } from './catalogue.ts';
import type { PlannedRequest } from './plan.ts';
import { apiKeyOf, laneOf, type Tenant } from './tenants.ts';

/** What became of one request, as the app knows it. */
export interface Asked {
  readonly planned: PlannedRequest;
  /** Set once it was answered 2xx. */
  id?: string;
  acceptedAtMs?: number;
  /** Answers 429: too much of this tenant's, the app shall ask again. */
  limited: number;
  /** Answers 503: nothing was taken, the app shall ask again. */
  refused: number;
  /** No answer at all, or a load balancer's. */
  unanswered: number;
  /** Answers 500: trouble that nobody had thought of. */
  broken: number;
}

/** What the pipeline says of a generation at the end; undefined when it knows none. */
export interface Record {
  readonly status: string;
  readonly reason: string | null;
  readonly via: string | null;
  /** What the provider said after the end. */
  readonly late: string | null;
  /** Files among its results, late ones included, and how many of them are kept. */
  readonly files: number;
  readonly kept: number;
}

/** The tenants' apps: ask at the planned moments, and again with the same key until answered 2xx. */
export interface App {
  /** Resolves when every planned request was accepted, or `signal` said that it is enough. */
  askAll(requests: readonly PlannedRequest[], signal: AbortSignal): Promise<void>;
  readonly asked: readonly Asked[];
  read(id: string, tenant: Tenant): Promise<Record | undefined>;
  close(): Promise<void>;
}

const CONNECTIONS = 64;
const ANSWER_MS = 15_000;
const ASK_AGAIN_MS = 1_000;
const READ_TRIES = 20;

const Accepted = z.object({ id: z.string() });
const Results = z.array(z.object({ kind: z.string(), kept: z.string().optional() }));
const Shown = z.object({
  status: z.string(),
  reason: z.object({ code: z.string() }).nullable(),
  via: z.string().nullable(),
  late: z.object({ outcome: z.string(), results: Results }).nullable(),
  results: Results,
});

export function createApp(options: {
  /** Where the pipeline is. */
  url: string;
  /** Where a tenant is called back. */
  callbackUrlFor(tenant: Tenant): string;
  /** Where the pictures are. */
  picturesUrl: string;
  seed: number;
}): App {
  const pool = new Pool(options.url, { connections: CONNECTIONS, headersTimeout: ANSWER_MS });
  const headersOf = (tenant: Tenant) => ({
    authorization: `Bearer ${apiKeyOf(tenant)}`,
    'content-type': 'application/json',
  });
  const asked: Asked[] = [];

  async function post(planned: PlannedRequest): Promise<{ status: number; text: string }> {
    const { index, tenant, provider, scenario } = planned;
    const { model, input } = requestFor(provider);
    // The provider's books know the request by its marker, also where pictures travel as bytes.
    const person = `${options.picturesUrl}/person.png?simulate=${scenario}&marker=${index}`;
    const garment = `${options.picturesUrl}/garment-shirt.png`;
    const body = JSON.stringify({
      ...{ provider, model, input: input(person, garment) },
      callbackUrl: options.callbackUrlFor(tenant),
      ...laneOf(tenant),
    });
    const answer = await pool.request({
      method: 'POST',
      path: '/v1/generations',
      headers: { ...headersOf(tenant), 'idempotency-key': `chaos-${options.seed}-${index}` },
      body,
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  async function ask(planned: PlannedRequest, signal: AbortSignal): Promise<void> {
    const request: Asked = { planned, limited: 0, refused: 0, unanswered: 0, broken: 0 };
    asked.push(request);
    while (!signal.aborted) {
      const answer = await post(planned).catch(() => undefined);
      if (answer && answer.status < 300) {
        request.id = Accepted.parse(JSON.parse(answer.text)).id;
        request.acceptedAtMs = Date.now();
        return;
      }
      if (answer && answer.status < 500 && answer.status !== 429) {
        throw new Error(`refused for good: ${answer.text}`);
      }
      if (answer?.status === 429) request.limited += 1;
      else if (answer?.status === 503) request.refused += 1;
      else if (answer?.status === 500) request.broken += 1;
      else request.unanswered += 1;
      await wait(ASK_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }

  return {
    asked,
    async askAll(requests, signal) {
      const startedAt = Date.now();
      const all = requests.map(async (planned) => {
        const early = startedAt + planned.atMs - Date.now();
        if (early > 0) await wait(early, undefined, { signal }).catch(() => {});
        if (!signal.aborted) await ask(planned, signal);
      });
      await Promise.all(all);
    },
    async read(id, tenant) {
      const headers = headersOf(tenant);
      for (let tries = 1; ; tries++) {
        const path = `/v1/generations/${id}`;
        const answer = await pool.request({ method: 'GET', path, headers }).catch(() => undefined);
        const text = await answer?.body.text();
        if (answer?.statusCode === 404) return undefined;
        if (answer?.statusCode === 200 && text !== undefined) {
          const { status, reason, via, late, results } = Shown.parse(JSON.parse(text));
          const files = [...results, ...(late?.results ?? [])].filter(
            ({ kind }) => kind === 'file',
          );
          return {
            ...{ status, reason: reason?.code ?? null, via, late: late?.outcome ?? null },
            files: files.length,
            kept: files.filter((file) => file.kept === 'kept').length,
          };
        }
        if (tries === READ_TRIES) throw new Error(`${path} was answered ${answer?.statusCode}`);
        await wait(ASK_AGAIN_MS);
      }
    },
    close: () => pool.destroy(),
  };
}
