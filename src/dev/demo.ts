import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { CannotStart, exitWith } from '../config/start-up.ts';
import { auditBooks } from './demo-audit.ts';
import { DEMO_HELP, DemoUsageError, readDemoOptions } from './demo-options.ts';
import { type Plan, planDemo } from './demo-plan.ts';
import { type DemoStack, startDemoStack } from './demo-stack.ts';
import { createTimeline, MANY, type Shown } from './demo-timeline.ts';
import { EmbeddedRedisError } from './embedded-redis-error.ts';

const PICTURES = '.catwalk/demo';
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
    failed = !(await run(stack, planDemo(options, assets), timeline));
    timeline.say(`Bull Board: ${stack.board.url}  (${stack.board.login})`);
    if (options.stay) {
      timeline.say('staying until Ctrl-C');
      await new Promise((resolve) => process.once('SIGINT', resolve));
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
): Promise<boolean> {
  const events = new Map<string, number>();
  const wanted = new Set<string>();
  await stack.catwalk.onCompletion('demo', (event) => {
    const { generationId } = event.data;
    events.set(generationId, (events.get(generationId) ?? 0) + 1);
  });

  await rm(PICTURES, { recursive: true, force: true });
  await mkdir(PICTURES, { recursive: true });
  const open = new Map<string, Plan>();
  for (const [index, plan] of plans.entries()) {
    const generation = await ask(stack, plan, index);
    open.set(generation.id, plan);
    wanted.add(generation.id);
    timeline.show({ ...generation, ...plan }, plans.length);
  }

  const deadline = Date.now() + patienceMs(plans.length);
  let completed = 0;
  while (open.size > 0 && Date.now() < deadline) {
    await wait(LOOK_EVERY_MS);
    await Promise.all(
      [...open].map(async ([id, plan]) => {
        const generation = await call(stack, 'GET', `/v1/generations/${id}`);
        timeline.show({ ...generation, ...plan }, plans.length);
        if (generation.finishedAt === null) return;
        open.delete(id);
        if (generation.status !== 'completed') return;
        completed++;
        const file = await savePicture(generation, completed);
        if (plans.length <= MANY) timeline.say(`picture saved: ${file}`);
      }),
    );
  }
  while (events.size < wanted.size - open.size && Date.now() < deadline) await wait(LOOK_EVERY_MS);

  if (plans.length > MANY) timeline.say(`pictures saved: ${PICTURES}/ (${completed})`);
  const told = [...wanted].filter((id) => events.get(id) === 1).length;
  timeline.say(
    `${wanted.size - open.size} of ${wanted.size} final (${completed} completed), ` +
      `${told} told exactly once`,
  );
  const paidTwice = stack.simulation ? await auditBooks(stack.simulation.url, timeline.say) : 0;
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

async function savePicture(generation: Shown, number: number): Promise<string> {
  const file = `${PICTURES}/${generation.provider}-${number}.png`;
  const response = await fetch(generation.results[0]?.url ?? '');
  await writeFile(file, Buffer.from(await response.arrayBuffer()));
  return file;
}

await main().catch((error: unknown) => {
  if (error instanceof DemoUsageError) {
    process.stderr.write(`${error.message}\n\n${DEMO_HELP}`);
    process.exit(2);
  }
  exitWith(error instanceof EmbeddedRedisError ? new CannotStart(error.message) : error);
});
