import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { runTool, type Say } from '../../rig/run-tool.ts';
import type { Generation } from '../../src/generation/generation.ts';
import { type GenerationId, newGenerationId } from '../../src/generation/ids.ts';
import { type MemoryFigures, watchMemory } from './memory.ts';
import { readVaultBenchOptions, VAULT_BENCH_HELP, type VaultBenchOptions } from './options.ts';
import { startVaultStack, type VaultStack } from './stack.ts';

/** The storage goes away while results still come. */
const DOWN_AFTER_MS = 10_000;
const COMING_MS = 25_000;
const HOUR_MS = 3_600_000;

/** What became of all results, as a stranger with the API and the links sees it. */
interface Kept {
  kept: number;
  lost: number;
  pending: number;
  hashesEqual: number;
}

/** Of a generation, what is told of its one result. */
const Shown = z.object({
  results: z.tuple([z.object({ kept: z.string(), keptUrl: z.string().optional() })]),
});

await runTool({
  help: VAULT_BENCH_HELP,
  readOptions: readVaultBenchOptions,
  async run(options, cleanup, say) {
    const stack = await startVaultStack(cleanup, say);
    const workerMemory = watchMemory(stack.worker.pid);
    const webMemory = watchMemory(stack.web.pid);
    const startedAt = Date.now();
    const outage = takeStorageAway(stack, options, say);
    const ids = await complete(stack, options, say);
    await outage;
    await untilNothingIsOwed(stack, startedAt + (options.lifetimeSeconds + 60) * 1_000, say);
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    const worker = workerMemory.stop();
    say(`worker memory, MB: ${memory(worker)}`);
    say('fetching every result by our own link');
    const kept = await fetchAll(stack, ids);
    const figures = { ...kept, seconds, worker, web: webMemory.stop() };
    const isKept = kept.kept === options.results && kept.hashesEqual === options.results;
    const text = options.json
      ? `${JSON.stringify({ options, ...figures })}\n`
      : table(options, stack, figures);
    return { text, isKept };
  },
});

async function takeStorageAway({ storage }: VaultStack, options: VaultBenchOptions, say: Say) {
  await wait(DOWN_AFTER_MS);
  say('the storage is down');
  storage.goDown();
  await wait(options.downSeconds * 1_000);
  say('the storage is back');
  storage.comeBack();
}

/** Generations that were submitted long ago, and are completed evenly over a while. */
async function complete(
  { core, pictures }: VaultStack,
  { results, lifetimeSeconds }: VaultBenchOptions,
  say: Say,
): Promise<GenerationId[]> {
  say(`completing ${results} generations`);
  const ids: GenerationId[] = [];
  const startedAt = Date.now();
  for (let n = 0; n < results; n += 1) {
    await wait(Math.max(startedAt + (n * COMING_MS) / results - Date.now(), 0));
    const generation = submitted(Date.now());
    const expiresAt = Date.now() + lifetimeSeconds * 1_000;
    pictures.publish(n, expiresAt);
    await core.store.create(generation);
    const file = { kind: 'file', url: pictures.linkTo(n), expiresAt } as const;
    const outcome = { verdict: 'completed' as const, results: [file] };
    const event = { type: 'observed-final', source: 'webhook', outcome } as const;
    await core.enqueue.completion({ id: generation.id, event });
    ids.push(generation.id);
  }
  return ids;
}

function submitted(now: number): Generation & { dueAt: number } {
  const id = newGenerationId(now);
  return {
    ...{ id, version: 1, tenant: 'bench', provider: 'fashn', model: 'tryon-v1.6', mode: 'hybrid' },
    ...{ input: {}, createdAt: now, attempt: 1, sends: 1, refusals: 0, state: 'submitted' },
    ...{ task: { id }, submittedAt: now, polls: 0 },
    ...{ deadlineAt: now + HOUR_MS, dueAt: now + HOUR_MS },
  };
}

async function untilNothingIsOwed(
  { core, worker }: VaultStack,
  latest: number,
  say: Say,
): Promise<void> {
  const { redis, keys } = core;
  for (let looks = 0; Date.now() < latest; looks += 1) {
    const owed = [await redis.zcard(keys.keepNow), await redis.zcard(keys.keepLater)] as const;
    if (owed[0] + owed[1] === 0) return;
    if (looks % 20 === 0) say(`owed: ${owed[0]} now, ${owed[1]} later`);
    await Promise.race([wait(250), worker.failed]);
  }
}

async function fetchAll(stack: VaultStack, ids: readonly GenerationId[]): Promise<Kept> {
  const { apiUrl, apiKey, pictures } = stack;
  const found: Kept = { kept: 0, lost: 0, pending: 0, hashesEqual: 0 };
  const headers = { authorization: `Bearer ${apiKey}` };
  for (const [n, id] of ids.entries()) {
    const answer = await fetch(`${apiUrl}/v1/generations/${id}`, { headers });
    const [{ kept, keptUrl }] = Shown.parse(await answer.json()).results;
    if (kept === 'kept' || kept === 'lost' || kept === 'pending') found[kept] += 1;
    if (kept !== 'kept' || !keptUrl) continue;
    const bytes = Buffer.from(await (await fetch(keptUrl)).arrayBuffer());
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (hash === pictures.hashOf(n)) found.hashesEqual += 1;
  }
  return found;
}

function memory({ first, middle, last, most }: MemoryFigures): string {
  return `${first} → ${middle} → ${last}, at most ${most}`;
}

function table(
  options: VaultBenchOptions,
  { pictures }: VaultStack,
  figures: Kept & { seconds: number; worker: MemoryFigures; web: MemoryFigures },
): string {
  const rows = [
    ['results, each of bytes', `${options.results}, ${pictures.bytesOfEach}`],
    ['links die after', `${options.lifetimeSeconds} s`],
    ['storage down for', `${options.downSeconds} s`],
    ['kept / lost / pending', `${figures.kept} / ${figures.lost} / ${figures.pending}`],
    ['hashes equal', String(figures.hashesEqual)],
    ['requests to dead links', String(pictures.tooLate())],
    ['all kept after', `${figures.seconds} s`],
    ['worker memory, MB by thirds', memory(figures.worker)],
    ['web memory, MB by thirds', memory(figures.web)],
  ];
  return `\n${rows.map(([name = '', value]) => `${name.padEnd(30)} ${value}\n`).join('')}`;
}
