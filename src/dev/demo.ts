import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { CannotStart, exitWith } from '../config/start-up.ts';
import { auditBooks } from './demo-audit.ts';
import { DEMO_HELP, DemoUsageError, readDemoOptions } from './demo-options.ts';
import { type Plan, planDemo } from './demo-plan.ts';
import { type DemoStack, startDemoStack } from './demo-stack.ts';
import { type Row, renderTable } from './demo-table.ts';
import { createTimeline, MANY, type Shown } from './demo-timeline.ts';
import { EmbeddedRedisError } from './embedded-redis-error.ts';

const RESULTS = '.catwalk/demo';
const LOOK_EVERY_MS = 200;
/** The tour takes about 10 s; many generations, or a killed worker, take longer. */
const patienceMs = (count: number): number => 55_000 + count * 500;

async function main(): Promise<void> {
  const options = readDemoOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(DEMO_HELP);
    return;
  }
  const timeline = createTimeline();
  timeline.say('starting Redis, the web process, a worker and the providers …');
  const stack = await startDemoStack(timeline.say);
  let failed = false;
  try {
    const assets = stack.simulation && `${stack.simulation.url}/assets`;
    const plans = planDemo(options, assets);
    if (stack.simulation && options.scenario) await stack.simulation.play(options.scenario);
    failed = !(await run(stack, plans, timeline, options.all));
    timeline.say(`Bull Board: ${stack.board.url}  (${stack.board.login})`);
    if (options.stay) {
      timeline.say('staying until Ctrl-C');
      await new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
      });
    }
  } finally {
    await stack.stop();
  }
  process.exitCode = failed ? 1 : 0;
}

async function run(
  stack: DemoStack,
  plans: readonly Plan[],
  timeline: ReturnType<typeof createTimeline>,
  withTable: boolean,
): Promise<boolean> {
  const events = new Map<string, number>();
  const wanted = new Set<string>();
  await stack.catwalk.onCompletion('demo', (event) => {
    const { generationId } = event.data;
    events.set(generationId, (events.get(generationId) ?? 0) + 1);
  });

  await rm(RESULTS, { recursive: true, force: true });
  await mkdir(RESULTS, { recursive: true });
  const open = new Map<string, Plan>();
  for (const [index, plan] of plans.entries()) {
    const generation = await ask(stack, plan, index);
    open.set(generation.id, plan);
    wanted.add(generation.id);
    timeline.show({ ...generation, ...plan }, plans.length);
  }

  const deadline = Date.now() + patienceMs(plans.length);
  const rows: Row[] = [];
  const completedCount = (): number => rows.filter(({ saved }) => saved).length;
  while (open.size > 0 && Date.now() < deadline) {
    await wait(LOOK_EVERY_MS);
    await Promise.all(
      [...open].map(async ([id, plan]) => {
        const generation = await call(stack, 'GET', `/v1/generations/${id}`);
        timeline.show({ ...generation, ...plan }, plans.length);
        if (generation.finishedAt === null) return;
        open.delete(id);
        const row = { generation, saved: await saveResult(generation, plans.indexOf(plan) + 1) };
        rows.push(row);
        if (row.saved && plans.length < MANY) timeline.say(`result saved: ${row.saved}`);
      }),
    );
  }
  while (events.size < wanted.size - open.size && Date.now() < deadline) await wait(LOOK_EVERY_MS);

  if (plans.length >= MANY) timeline.say(`results saved: ${RESULTS}/ (${completedCount()})`);
  if (withTable) process.stdout.write(`\n${renderTable(rows)}\n`);
  const told = [...wanted].filter((id) => events.get(id) === 1).length;
  timeline.say(
    `${wanted.size - open.size} of ${wanted.size} final (${completedCount()} completed), ` +
      `${told} told exactly once`,
  );
  const asked = new Map<string, number>();
  for (const { provider } of plans) asked.set(provider, (asked.get(provider) ?? 0) + 1);
  const { simulation } = stack;
  const paidTwice = simulation ? await auditBooks(simulation.url, asked, timeline.say) : 0;
  return open.size === 0 && told === wanted.size && paidTwice === 0;
}

function ask(stack: DemoStack, plan: Plan, index: number): Promise<Shown> {
  const { provider, model, input } = plan;
  const body = JSON.stringify({ provider, model, input, metadata: { demo: index + 1 } });
  return call(stack, 'POST', '/v1/generations', body);
}

async function call(stack: DemoStack, method: string, path: string, body?: string): Promise<Shown> {
  const response = await fetch(stack.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${stack.apiKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body }),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new CannotStart(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer as Shown; // our own API's answer
}

/** The picture as a file; what is no picture, as JSON. */
async function saveResult(generation: Shown, number: number): Promise<string | undefined> {
  const [result] = generation.results;
  if (!result) return undefined;
  const file = `${RESULTS}/${generation.provider}-${number}`;
  if (result.url === undefined) {
    const data = generation.results.map((one) => one.data);
    await writeFile(`${file}.json`, JSON.stringify(data, null, 2));
    return `${file}.json`;
  }
  const response = await fetch(result.url);
  if (!response.ok) throw new CannotStart(`a result link answered ${response.status}`);
  await writeFile(`${file}.png`, Buffer.from(await response.arrayBuffer()));
  return `${file}.png`;
}

await main().catch((error: unknown) => {
  if (error instanceof DemoUsageError) {
    process.stderr.write(`${error.message}\n\n${DEMO_HELP}`);
    process.exit(2);
  }
  exitWith(error instanceof EmbeddedRedisError ? new CannotStart(error.message) : error);
});
