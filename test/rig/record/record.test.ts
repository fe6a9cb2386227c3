import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { Cleanup } from '../../../rig/cleanup.ts';
import { DEMO_CATALOGUE } from '../../../rig/demo/catalogue.ts';
import { UsageError } from '../../../rig/flags.ts';
import { differences } from '../../../rig/record/compare.ts';
import { record } from '../../../rig/record/record.ts';
import { Recording } from '../../../rig/record/recording.ts';
import { simulatedAccounts } from '../../../rig/simulated-accounts.ts';
import { type ScenarioName, startSimulator } from '../../../simulator/index.ts';

const SIGNED = 'sig=a-signature-of-the-app-1234';
const NAMES = Object.keys(DEMO_CATALOGUE);

/** A recording of what the demo asks this provider for. */
async function recorded(name: string, scenario: ScenarioName = 'ok', webhook?: string) {
  const latencyMs = { min: 1_000, max: 1_000 };
  const simulator = await startSimulator({ scenario, latencyMs, timeScale: 0.05, seed: 1 });
  const cleanup = new Cleanup();
  onTestFinished(async () => {
    await cleanup.run();
    await simulator.close();
  });
  const request = DEMO_CATALOGUE[name];
  if (!request) throw new Error(`The demo has nothing for ${name}`);
  const picture = (file: string) => `${simulator.url}/assets/${file}?${SIGNED}`;
  const env = {
    ...simulatedAccounts('http://127.0.0.1:1').env(simulator.url, [name]),
    ALLOW_INSECURE_URLS: 'true',
    POLL_PROFILES: JSON.stringify({ [name]: { firstAfterMs: 50, everyMs: 50, longestMs: 50 } }),
  };
  const input = request.input(picture('person.png'), picture('garment-shirt.png'));
  const asked = { provider: name, model: request.model, input, webhook, env };
  const { recording, text } = await record(asked, cleanup, () => {});
  const taskId = simulator.ledger()[name]?.accepted[0]?.taskId;
  return { recording, text, url: simulator.url, taskId: String(taskId), env };
}

test.each(NAMES)(
  '%s: no key, no address, no id and no byte of a picture is recorded',
  async (name) => {
    const { recording, text, url, taskId, env } = await recorded(name);
    expect(recording.end).toBe('completed');
    expect(Recording.parse(JSON.parse(text))).toEqual(recording);

    const key = Object.entries(env).find(([variable]) => variable.endsWith('_API_KEY'))?.[1] ?? '';
    expect(key.length).toBeGreaterThan(8);
    const pictures = await Promise.all(
      ['person', 'garment-shirt'].map((file) =>
        readFile(new URL(`../../../simulator/artwork/${file}.png`, import.meta.url)),
      ),
    );
    const bytes = pictures.flatMap((one) => [
      one.toString('base64', 0, 90),
      one.toString('base64', 3_000, 3_090),
    ]);
    const secret = [...key.split(':'), new URL(url).host, SIGNED, 'PNG', ...bytes];
    expect(secret.filter((one) => text.includes(one))).toEqual([]);
    expect(text).not.toMatch(/https?:|data:image|[\w+/=]{100,}/);
    if (taskId.length > 3) expect(text).not.toContain(taskId);
  },
);

test('what a provider says is recorded: calls, statuses, words, types and the limits it states', async () => {
  const { recording } = await recorded('fashn');
  const calls = recording.exchanges.map(({ step, method, path }) => `${step} ${method} ${path}`);
  expect([...new Set(calls)]).toEqual([
    'submit POST /v1/run',
    'check GET /v1/status/{id}',
    'unknown-task GET /v1/status/{id}',
    'account GET /v1/credits',
  ]);
  const { answer, request } = recording.exchanges[0] ?? {};
  expect(request).toMatchObject({
    headers: ['authorization'],
    body: { model_name: 'tryon-v1.6', inputs: { model_image: '<url.png>' } },
  });
  expect(answer).toMatchObject({
    status: 200,
    headers: { 'content-type': expect.stringContaining('application/json') },
    body: { id: '<id>', error: null },
  });
  const last = recording.exchanges.findLast(({ step }) => step === 'check');
  expect(last?.answer?.body).toMatchObject({ status: 'completed', output: ['<url.png>'] });
  const unknown = recording.exchanges.find(({ step }) => step === 'unknown-task');
  expect(unknown?.answer).toMatchObject({ status: 404, body: { error: 'NotFound' } });
});

test('a comparison finds nothing between two recordings of the same, and every kind of difference', async () => {
  const { recording } = await recorded('fashn');
  // Which live words are met is a matter of timing.
  const lines = differences(recording, (await recorded('fashn')).recording);
  expect(lines.filter((line) => !line.includes(': status says'))).toEqual([]);

  const real: Recording = structuredClone(recording);
  const [submitted, checked] = real.exchanges;
  const last = real.exchanges.findLast(({ step }) => step === 'check');
  if (!submitted?.answer || !checked?.answer || !last?.answer) throw new Error('too few calls');
  real.exchanges.pop();
  submitted.answer.status = 201;
  submitted.answer.headers['x-ratelimit-limit'] = '50';
  submitted.answer.body = { id: 7, error: null };
  last.answer.body = { ...(last.answer.body as object), status: 'done' };
  expect(differences(real, recording)).toEqual([
    'submit POST /v1/run: (status) is 201; simulated: 200',
    'submit POST /v1/run: (header x-ratelimit-limit) is there; simulated: absent',
    'submit POST /v1/run: id is number; simulated: <id>',
    'check GET /v1/status/{id}: status says "done", which the simulated one did not',
    'account GET /v1/credits: only the simulated provider was asked this',
  ]);
});

test('the webhook that was asked for is recorded by its name alone', async () => {
  const { recording, text } = await recorded('fashn', 'ok', 'https://webhook.site/my-own-page');
  expect(recording.exchanges[0]).toMatchObject({ path: '/v1/run?webhook_url' });
  expect(text).not.toContain('my-own-page');
});

test('a task that fails, or is refused, is recorded with its end', async () => {
  const { recording } = await recorded('fashn', 'moderation');
  expect(recording.end).toBe('failed: content_policy');
});

test('who asks for what there is not is told what there is, and nothing is sent', async () => {
  const env = { FASHN_API_KEY: 'fa-a-key-of-nobody', FASHN_BASE_URL: 'http://127.0.0.1:1' };
  const ask = async (provider: string, model: string, input: unknown): Promise<string> => {
    const cleanup = new Cleanup();
    onTestFinished(() => cleanup.run());
    const error = await record({ provider, model, input, env }, cleanup, () => {}).catch((e) => e);
    expect(error).toBeInstanceOf(UsageError);
    return error.message;
  };
  expect(await ask('nobody', 'x', {})).toContain('use fitinview, fashn,');
  expect(await ask('fal', 'x', {})).toContain('set FAL_API_KEY');
  expect(await ask('fashn', 'x', {})).toContain('use one of tryon-v1.6');
  expect(await ask('fashn', 'tryon-v1.6', { personImage: 7 })).toContain('personImage:');
});
