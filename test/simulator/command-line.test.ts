import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { SCENARIOS } from '../../simulator/scenarios/scenarios.ts';
import { FLAGS, parseFlags } from '../../simulator/server/flags.ts';
import { helpText } from '../../simulator/server/help.ts';
import { startSimulator } from '../../simulator/server/start-simulator.ts';

const MAIN_FILE = fileURLToPath(new URL('../../simulator/main.ts', import.meta.url));

function start(...flags: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN_FILE, ...flags]);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function readyUrl(child: ReturnType<typeof start>): Promise<string> {
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /^simulator ready at (\S+)$/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error('no ready line');
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s stops it cleanly', async (signal) => {
  const child = start('--port', '0');
  const url = await readyUrl(child);
  expect((await fetch(`${url}/_simulator/ledger`)).status).toBe(200);
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('with --exit-with-stdin it stops when its stdin closes', async () => {
  const child = start('--port', '0', '--exit-with-stdin');
  await readyUrl(child);
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a wrong flag ends it with status 2 and a message that names the flag', async () => {
  const child = start('--bogus');
  const [message, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(message).toContain('--bogus');
  expect(status).toBe(2);
});

test('a port that is in use is named, with what to do', async () => {
  const first = await startSimulator();
  onTestFinished(() => first.close());
  const { port } = new URL(first.url);
  const second = start('--port', port);
  const [message, [status]] = await Promise.all([text(second.stderr), once(second, 'exit')]);
  expect(message).toBe(
    `Port ${port} is in use: choose another with --port, or stop what has it.\n`,
  );
  expect(status).toBe(1);
});

test.each([
  [['--port', 'x'], /--port/],
  [['--latency', 'soon'], /--latency/],
  [['--scenario', 'typo'], /"typo".*lost-reply/],
  [['--secret', 'whsec_alone'], /--secret must look like/],
  [['--webhook', 'https-alone'], /--webhook must look like/],
])('%j is refused with a clear message', (args, message) => {
  expect(() => parseFlags(args)).toThrow(message);
});

test('flags become options', () => {
  const { options } = parseFlags([
    ...['--port', '0', '--latency', '10-20', '--time-scale', '0.5', '--scenario', 'slow'],
    ...[
      '--key',
      'fashn=a',
      '--key',
      'fashn=b=c',
      '--secret',
      'fitinview=s',
      '--credits',
      'fashn=5',
    ],
    ...['--webhook', 'vtryon=https://a.test/hook?token=t'],
    ...['--switch', 'fitinview.id-field=both', '--seed', '7'],
  ]);
  expect(options).toEqual({
    port: 0,
    latencyMs: { min: 10, max: 20 },
    timeScale: 0.5,
    seed: 7,
    scenario: 'slow',
    providers: {
      fashn: { keys: ['a', 'b=c'], credits: 5 },
      vtryon: { webhookUrl: 'https://a.test/hook?token=t' },
      fitinview: { secret: 's', switches: { 'id-field': 'both' } },
    },
  });
});

test('the help names every flag and every scenario', () => {
  for (const flag of Object.keys(FLAGS)) expect(helpText()).toContain(`  --${flag} `);
  for (const name of Object.keys(SCENARIOS)) expect(helpText()).toContain(name);
});
