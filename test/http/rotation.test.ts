import { ulid } from 'ulid';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { readSettings } from '../../src/config/settings.ts';
import { GenerationId } from '../../src/generation/ids.ts';
import { callbackSecret } from '../../src/outbound/callback-secret.ts';
import { connectProviders } from '../../src/providers/connect.ts';
import { createResultLinks } from '../../src/vault/links.ts';
import { createWebhookUrl } from '../../src/workers/stages/webhook-url.ts';
import { RECORDS } from '../generation/fixtures.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { bearer, SECRET as NEW, OLD_SECRET as OLD, setup, tokenUnder } from './setup.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Of a generation that was asked for at that moment. */
const idOf = (unixMs: number) => GenerationId.parse(`gen_${ulid(unixMs)}`);
const at = (unixMs: number): string => new Date(unixMs).toISOString().replace(/\.\d+Z/, 'Z');

/** The settings of a process at each stage of a rotation. */
const onlyOld = { CATWALK_SECRET: OLD };
const both = { CATWALK_SECRET: `${NEW},${OLD}` };
const bothWith = (fromMs: number) => ({ ...both, CATWALK_SECRET_FROM: at(fromMs) });
const onlyNew = (fromMs: number) => ({ CATWALK_SECRET: NEW, CATWALK_SECRET_FROM: at(fromMs) });
type Secrets = Readonly<Record<string, string>>;

/** What a process with these secrets hands out about a generation that was asked for at a moment. */
async function setupProcess(secrets: Secrets) {
  const web = await setup({ ...secrets, VAULT_DIR: await temporaryFolder() });
  const settings = readSettings(web.env);
  const connected = connectProviders(settings);
  onTestFinished(() => connected.close());
  const { providers } = connected;
  const publicUrl = settings.PUBLIC_URL;
  const webhookUrl = createWebhookUrl({ publicUrl, secrets: settings, providers });
  const links = createResultLinks(settings, publicUrl);
  const made = (id: GenerationId): Made => ({
    webhook: webhookUrl({ ...RECORDS.submitting, id, provider: 'fashn' }) ?? 'none',
    // As a redrive goes on with it, whoever asks for that and when.
    redriven: webhookUrl(redriveOf(id)) ?? 'none',
    link: links.linkTo({ id, index: 0 }),
  });
  return { ...web, made };
}
type Process = Awaited<ReturnType<typeof setupProcess>>;
type Made = Readonly<Record<'webhook' | 'redriven' | 'link', string>>;

function redriveOf(id: GenerationId) {
  const goesOnWith = { id, attempt: 1, mode: 'hybrid' as const };
  return { ...RECORDS.submitting, id: idOf(Date.now()), provider: 'fashn', goesOnWith };
}

/** Two processes that run side by side, and generations from before and after a moment. */
async function sideBySide(one: Secrets, other: Secrets) {
  const processes = await Promise.all([setupProcess(one), setupProcess(other)]);
  const made = (id: GenerationId): Made => {
    const [first, second] = processes.map((process) => process.made(id));
    expect(second).toEqual(first);
    return processes[0].made(id);
  };
  return { processes, made };
}

const pathOf = (url: string): string => url.slice(new URL(url).origin.length);

/** Not 401, and not the 404 of a wrong token: nothing is kept here. */
async function expectTaken({ call }: Process, { webhook, redriven, link }: Made): Promise<void> {
  for (const url of [webhook, redriven]) {
    const body = '{"id":"task-1","status":"processing"}';
    const headers = { 'content-type': 'application/json' };
    expect((await call(pathOf(url), { method: 'POST', headers, body })).status).toBe(200);
  }
  expect((await call(pathOf(link))).status).toBe(410);
}

const now = Date.now();
test.each([
  ['some have the new secret, the others not', both, onlyOld, now],
  ['the same, with the moment named', bothWith(now + DAY_MS), onlyOld, now],
  ['some have been told the moment', both, bothWith(now + DAY_MS), now],
  ['before the moment, in all', bothWith(now + DAY_MS), bothWith(now + DAY_MS), now],
  [
    'after the moment: what is older',
    bothWith(now - DAY_MS),
    bothWith(now - DAY_MS),
    now - 2 * DAY_MS,
  ],
  ['after the moment: what is newer', bothWith(now - DAY_MS), bothWith(now - DAY_MS), now],
  ['some have lost the old secret', bothWith(now - DAY_MS), onlyNew(now - DAY_MS), now],
  ['after it', onlyNew(now - DAY_MS), { CATWALK_SECRET: NEW }, now],
])(
  '%s: every process makes the same, and each takes what the other made',
  async (_, one, other, made) => {
    const world = await sideBySide(one, other);
    const urls = world.made(idOf(made));
    for (const process of world.processes) await expectTaken(process, urls);
  },
);

test('what is older than the moment keeps the old secret, what is newer has the new one', async () => {
  const process = await setupProcess(bothWith(now - HOUR_MS));
  const [old, fresh] = [setupProcess(onlyOld), setupProcess({ CATWALK_SECRET: NEW })];
  const [before, after] = [idOf(now - HOUR_MS - 1_000), idOf(now)];
  expect(process.made(before)).toEqual((await old).made(before));
  expect(process.made(after)).toEqual((await fresh).made(after));
  expect(process.made(after)).not.toEqual((await old).made(after));
});

test('what was made before each use had its key is still taken, under any live secret', async () => {
  const process = await setupProcess(both);
  for (const secret of [NEW, OLD]) {
    const id = idOf(now);
    const webhook = `https://x.example/webhooks/fashn/${id}/${tokenUnder(secret, `fashn/${id}`)}`;
    const token = tokenUnder(secret, `kept-result:${id}/0`);
    const link = `https://x.example/v1/results/${id}/0?token=${token}`;
    await expectTaken(process, { webhook, redriven: webhook, link });
  }
});

test.each([
  ['before the moment the old one', bothWith(now + DAY_MS), [OLD, NEW]],
  ['without a moment the old one', both, [OLD, NEW]],
  ['after it the new one', bothWith(now - DAY_MS), [NEW, OLD]],
  ['with one there is no other', onlyOld, [OLD]],
])('the callback secret to hold comes first: %s', async (_, secrets, inOrder) => {
  const { call } = await setup(secrets);
  const response = await call('/v1/callback-secret', { headers: bearer('shop') });
  const told = z.object({ secrets: z.array(z.string()) }).parse(await response.json());
  expect(told.secrets).toEqual(inOrder.map((secret) => callbackSecret(secret, 'shop')));
});

test('until the moment of its only secret, a process makes what releases without keys make', async () => {
  const process = await setupProcess({
    CATWALK_SECRET: OLD,
    CATWALK_SECRET_FROM: at(now + DAY_MS),
  });
  const id = idOf(now);
  const urls = process.made(id);
  expect(urls.webhook).toContain(`/${tokenUnder(OLD, `fashn/${id}`)}`);
  expect(urls.link).toContain(`token=${tokenUnder(OLD, `kept-result:${id}/0`)}`);
  await expectTaken(process, urls);
});
