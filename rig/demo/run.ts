import { setTimeout as wait } from 'node:timers/promises';
import { CannotStart } from '../../src/config/start-up.ts';
import { auditBooks } from './audit.ts';
import type { Plan } from './plan.ts';
import { clearResults, RESULTS, saveResult } from './results.ts';
import { endOf, expectedEnds, expectedLines } from './scenarios.ts';
import type { DemoStack } from './stack.ts';
import { isAsExpected, type Row, renderTable } from './table.ts';
import { clockTime, type createTimeline, MANY, type Shown } from './timeline.ts';

type Timeline = ReturnType<typeof createTimeline>;

const CHECK_EVERY_MS = 200;
const MOST_TRIES = 10;
/** A link that is dead is tried again for long; the demo is not. */
const MOST_LOOKS_AT_KEPT = 25;
/** The tour takes about 10 s; many generations, or a killed worker, take longer. */
const patienceMs = (count: number): number => 70_000 + count * 500;

/** @returns whether everything ended as its scenario should, was told once and paid once. */
export async function runDemo(
  stack: DemoStack,
  plans: readonly Plan[],
  timeline: Timeline,
  withTable: boolean,
): Promise<boolean> {
  const told = new Map<string, number>();
  await stack.catwalk.onCompletion('demo', ({ data }) => {
    told.set(data.generationId, (told.get(data.generationId) ?? 0) + 1);
  });
  await clearResults();
  for (const line of expectedLines(plans)) timeline.say(line);

  const deadline = Date.now() + patienceMs(plans.length);
  const { rows, open } = await watch(stack, plans, timeline, deadline);
  await awaitKept(stack, rows);
  const final = rows.filter(({ generation }) => generation.finishedAt !== null);
  while (told.size < final.length && Date.now() < deadline) await wait(CHECK_EVERY_MS);

  const completed = final.filter(({ generation }) => generation.status === 'completed').length;
  if (plans.length >= MANY) timeline.say(`results saved: ${RESULTS}/ (${completed} completed)`);
  if (withTable) process.stdout.write(`\n${renderTable(rows)}\n`);
  const once = final.filter(({ generation }) => told.get(generation.id) === 1).length;
  timeline.say(
    `${final.length} of ${plans.length} final (${completed} completed), ${once} notified exactly once`,
  );
  sayHeld(rows, timeline);
  const paidTwice = await paidTwiceIn(stack, plans, timeline);
  const asExpected = sayEnds(rows, open, timeline);
  return asExpected && once === final.length && paidTwice === 0;
}

/** Asks for everything, then looks until each has ended or patience has. */
async function watch(
  stack: DemoStack,
  plans: readonly Plan[],
  timeline: Timeline,
  deadline: number,
): Promise<{ rows: Row[]; open: ReadonlyMap<string, Plan> }> {
  const rows: Row[] = [];
  const open = new Map<string, Plan>();
  for (const [index, plan] of plans.entries()) {
    const generation = await ask(stack, plan, index);
    open.set(generation.id, plan);
    timeline.show({ ...generation, ...plan }, plans.length);
  }
  // A provider's hold is for its whole queue: what waits behind has none of its own.
  const holds = new Map<string, Shown['hold']>();

  async function look(id: string, plan: Plan): Promise<void> {
    const found = await call(stack, 'GET', `/v1/generations/${id}`);
    timeline.show({ ...found, ...plan }, plans.length);
    const generation = { ...found, hold: found.hold ?? holds.get(plan.provider) ?? null };
    const end = endOf(generation);
    if (end === undefined) return;
    open.delete(id);
    if (end === 'held') holds.set(plan.provider, generation.hold);
    const saved = await saveResult(generation, plans.indexOf(plan) + 1);
    const isGone = saved !== undefined && 'problem' in saved;
    const result = isGone ? saved.problem : saved?.file;
    rows.push({
      generation,
      end: isGone ? 'result_gone' : end,
      expected: expectedEnds(plan.scenario, plan.provider, stack.workersLost() > 0),
      result,
    });
    if (isGone) timeline.say(`${plan.provider.padEnd(18)} …${id.slice(-6)}  result: ${result}`);
    else if (result && plans.length < MANY) timeline.say(`result saved: ${result}`);
  }

  while (open.size > 0 && Date.now() < deadline) {
    await wait(CHECK_EVERY_MS);
    await Promise.all([...open].map(([id, plan]) => look(id, plan)));
  }
  return { rows, open };
}

/** A completion is told before its results are copied, which takes a moment more. */
async function awaitKept(stack: DemoStack, rows: Row[]): Promise<void> {
  const isPending = ({ generation }: Row): boolean =>
    generation.results.some(({ kept }) => kept === 'pending');
  for (let tries = 0; rows.some(isPending) && tries < MOST_LOOKS_AT_KEPT; tries++) {
    await wait(CHECK_EVERY_MS);
    for (const [index, row] of rows.entries()) {
      if (!isPending(row)) continue;
      const generation = await call(stack, 'GET', `/v1/generations/${row.generation.id}`);
      rows[index] = { ...row, generation };
    }
  }
}

function sayHeld(rows: readonly Row[], timeline: Timeline): void {
  const held = rows.filter(({ end }) => end === 'held');
  const until = held.map(({ generation }) => generation.hold?.until ?? '').sort()[0];
  if (!until) return;
  timeline.say(
    `${held.length} on hold: the account has no credit; nothing was paid, nothing is lost, and ` +
      `each is tried again by itself, first at ${clockTime(until)}`,
  );
}

async function paidTwiceIn(
  { simulation }: DemoStack,
  plans: readonly Plan[],
  timeline: Timeline,
): Promise<number> {
  const asked = new Map<string, number>();
  for (const { provider } of plans) asked.set(provider, (asked.get(provider) ?? 0) + 1);
  return simulation ? auditBooks(simulation, asked, timeline.say) : 0;
}

/** Says how the ends compare with what was to be expected. @returns whether all are as expected. */
function sayEnds(
  rows: readonly Row[],
  open: ReadonlyMap<string, Plan>,
  timeline: Timeline,
): boolean {
  const others = rows.filter((row) => !isAsExpected(row));
  for (const { generation, end, expected } of others) {
    const { provider, id, reason } = generation;
    const why = reason ? ` (${reason.code})` : '';
    timeline.say(`${provider} …${id.slice(-6)}: ${end}${why}, expected ${expected.join(' or ')}`);
  }
  for (const [id, { provider }] of open) {
    timeline.say(`${provider} …${id.slice(-6)}: has not ended; the demo waits no longer`);
  }
  const asExpected = rows.length - others.length;
  timeline.say(`${asExpected} of ${rows.length + open.size} ended as expected`);
  return others.length === 0 && open.size === 0;
}

function ask(stack: DemoStack, plan: Plan, index: number): Promise<Shown> {
  const { provider, model, input } = plan;
  const body = JSON.stringify({ provider, model, input, metadata: { demo: index + 1 } });
  return call(stack, 'POST', '/v1/generations', { body, key: `demo-${index}` });
}

/** As an app should: what is answered 503 is sent again, with the same idempotency key. */
async function call(
  stack: DemoStack,
  method: string,
  path: string,
  sent: { body?: string; key?: string } = {},
): Promise<Shown> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(stack.apiUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${stack.apiKey}`,
        'content-type': 'application/json',
        ...(sent.key && { 'idempotency-key': sent.key }),
      },
      ...(sent.body !== undefined && { body: sent.body }),
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer as Shown; // our own API's answer
    if (response.status !== 503 || tries === MOST_TRIES) {
      throw new CannotStart(`${method} ${path}: ${JSON.stringify(answer)}`);
    }
    await wait(CHECK_EVERY_MS * tries);
  }
}
