import type { Child } from '../rig/start-process.ts';
import {
  measureBurst,
  measureCommands,
  measureIdle,
  measureSteady,
  measureWaiting,
  stubReport,
  warmUp,
} from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { Metric } from './report.ts';
import type { Stack } from './stack.ts';

/** Enough for V8 to have compiled what is hot, and for Redis to have filled what it caps. */
const WARM_UP = 1_500;

/** Everything that is measured, one after the other, and what to say of it. */
export async function measureAll(
  stack: Stack,
  { generations, ratePerSecond, seconds }: BenchOptions,
  say: (line: string) => void,
): Promise<Metric[]> {
  say('idle: 10 s with nothing to do');
  const idlePerSecond = await measureIdle(stack);

  const subscriber: Child = await stack.startSubscriber();
  say(`warming up: ${WARM_UP} generations`);
  await warmUp(stack, subscriber, WARM_UP);
  say(`burst: ${generations} generations as fast as they are accepted`);
  const burst = await measureBurst(stack, subscriber, generations);
  say(`steady: ${ratePerSecond} a second for ${seconds} s`);
  const load = { count: ratePerSecond * seconds, ratePerSecond };
  const steady = await measureSteady(stack, subscriber, load);
  say('commands: 2 s of the same, with every Redis command counted');
  const commands = await measureCommands(stack, subscriber, ratePerSecond);
  say('waiting: 1000 generations whose webhooks are held back');
  const bytes = await measureWaiting(stack, subscriber);
  const { submits, polls, refused } = await stubReport(stack);
  if (refused > 0) say(`${refused} webhooks were not answered 200`);

  const { web, worker, redis } = burst.cpu;
  const at = `at ${ratePerSecond}/s`;
  return [
    {
      name: 'burstPerSecond',
      label: 'burst',
      value: burst.generationsPerSecond,
      digits: 0,
      unit: 'generations/s',
      note: 'from the first request to the last subscriber call',
    },
    {
      name: 'cpuPerThousand',
      label: 'CPU for 1,000 generations',
      value: web + worker + redis,
      digits: 2,
      unit: 's',
      note: 'in the burst: web, worker and Redis together',
    },
    {
      name: 'cpuWeb',
      label: '  web process',
      value: web,
      digits: 2,
      unit: 's',
      note: 'API and webhooks',
    },
    {
      name: 'cpuWorker',
      label: '  worker process',
      value: worker,
      digits: 2,
      unit: 's',
      note: 'submits, completions, rounds',
    },
    {
      name: 'cpuRedis',
      label: '  Redis',
      value: redis,
      digits: 2,
      unit: 's',
      note: 'its helpers included',
    },
    {
      name: 'cpuSubscriber',
      label: '  the app’s subscriber',
      value: burst.cpu.subscriber,
      digits: 2,
      unit: 's',
      note: 'apart: not in the sum',
    },
    {
      name: 'doneToToldP50Ms',
      label: `done to told ${at}, p50`,
      value: steady.p50Ms,
      digits: 1,
      unit: 'ms',
      note: 'from the provider being done to the subscriber called',
    },
    {
      name: 'doneToToldP99Ms',
      label: `done to told ${at}, p99`,
      value: steady.p99Ms,
      digits: 1,
      unit: 'ms',
      note: 'the same, for the slowest one in a hundred',
    },
    {
      name: 'bytesPerWaiting',
      label: 'Redis memory a waiting generation',
      value: bytes,
      digits: 0,
      unit: 'bytes',
      note: 'all keys and jobs; budget: at most 1,200',
    },
    {
      name: 'scriptsInBurst',
      label: 'Redis scripts a generation, burst',
      value: burst.scriptsPerGeneration,
      digits: 2,
      unit: '',
      note: 'the app’s subscriber included; budget: at most 8',
    },
    {
      name: 'scriptsSteady',
      label: `Redis scripts a generation ${at}`,
      value: steady.scriptsPerGeneration,
      digits: 2,
      unit: '',
      note: 'more: nothing to gather, and workers are woken for each job',
    },
    {
      name: 'commandsSteady',
      label: `Redis commands a generation ${at}`,
      value: commands,
      digits: 2,
      unit: '',
      note: 'all that clients send, scripts included',
    },
    {
      name: 'pollsPerGeneration',
      label: 'polls a generation',
      value: polls / submits,
      digits: 4,
      unit: '',
      note: 'whose webhook arrives; budget: at most 0.02',
    },
    {
      name: 'idleCommandsPerSecond',
      label: 'Redis commands when idle',
      value: idlePerSecond,
      digits: 2,
      unit: '1/s',
      note: 'one worker process, one provider; budget: at most 2',
    },
  ];
}
