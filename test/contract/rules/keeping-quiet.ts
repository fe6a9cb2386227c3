import { inspect } from 'node:util';
import { expect } from 'vitest';
import { type Answers, type Fixture, IMAGES } from '../fixture.ts';
import { type Rule, rule } from '../rule.ts';
import { cutShort, HTML, reset, silence, slowBody } from '../trouble.ts';
import { openWorld, refusedBy, type Script, taskSample, WEBHOOK_URL } from '../world.ts';

type Answer = NonNullable<Script['submit']>;

/** What a provider might repeat to us in a refusal: an image's URL, our key, our webhook URL. */
const echo = (keys: readonly string[]) =>
  `Not with ${keys.join(' ')} and ${IMAGES.person}?sig=IMAGEMARK for ${WEBHOOK_URL}`;

/** Keys that nobody could tell from words: short, with dots, in two parts. */
const PLAIN_KEYS = ['k3y9', 'vt.secret.key', 'key-id:key-secret', 'hunter2:top.secret'];

/** Errors go to logs and to apps: they hold nothing that is secret or long. */
export const keepingQuiet: readonly Rule[] = [
  rule(
    'no error of a submission holds a key, an image URL, our webhook URL or a body',
    async (fixture) => {
      const tell = async (answer: Answer) => {
        const world = await openWorld(fixture, { timeoutMs: 300 });
        const plain = world.request(taskSample(fixture), { webhookUrl: WEBHOOK_URL });
        const input = JSON.parse(
          JSON.stringify(plain.input).replaceAll(IMAGES.person, `${IMAGES.person}?sig=IMAGEMARK`),
        );
        const request = await world.prepared({ ...plain, input });
        world.answer({ submit: answer });
        expectQuiet(fixture, await refusedBy(world.adapter.submit(request)));
      };
      await Promise.all(oddAnswers(fixture).map(tell));
    },
  ),

  rule('no error of a check holds a key, an image URL or a body', async (fixture) => {
    const tell = async (answer: Answer) => {
      const world = await openWorld(fixture, { timeoutMs: 900 });
      const task = await world.begin();
      world.answer({ check: answer });
      // Some say `missing` or `failed` instead, which are told to the app as well.
      expectQuiet(fixture, await world.check(task).catch((error: unknown) => error));
    };
    await Promise.all(oddAnswers(fixture).map(tell));
  }),

  rule('a reason that quotes the provider quotes no links and no keys', async (fixture) => {
    for (const { answers } of fixture.failures) {
      const world = await openWorld(fixture);
      const task = await world.begin();
      world.answer(quoting(answers, echo(keysOf(fixture))));
      const seen = await world.check(task).catch((error: unknown) => error);
      expectQuiet(fixture, seen);
      expect(inspect(seen, { depth: 20 }).length).toBeLessThan(3_000);
    }
  }),

  rule(
    'a key that looks like words is not told either, nor a secret of webhooks',
    async (fixture) => {
      const usual = fixture.settings({ url: 'http://127.0.0.1' });
      for (const plain of PLAIN_KEYS) {
        // Some insist on two parts.
        const apiKey = usual.apiKey.includes(':') && !plain.includes(':') ? `idnt:${plain}` : plain;
        const webhookSecrets = usual.webhookSecrets.map((_, n) => `wh.${n}x`);
        const settings = { apiKey, webhookSecrets };
        const secrets = [...apiKey.split(':'), apiKey, ...webhookSecrets];
        // Cut at any length, none of it is told; an adapter need not quote all of it.
        const world = await openWorld(fixture, { settings });
        const request = await world.prepared(world.request(taskSample(fixture)));
        const task = await world.begin();
        for (const said of [echo(secrets), `${'x '.repeat(93)}${plain}`, ...secrets]) {
          const body = { message: said, detail: said, error: said, msg: said };
          for (const status of [400, 401, 403, 404, 422, 429, 500]) {
            world.answer({ submit: { status, body } });
            expectNone(secrets, await refusedBy(world.adapter.submit(request)));
          }
          for (const answers of fixture.failures.map((one) => quoting(one.answers, said))) {
            world.answer(answers);
            expectNone(secrets, await world.check(task).catch((error: unknown) => error));
          }
        }
      }
    },
  ),

  rule('an unreachable provider is named by its origin only', async (fixture) => {
    const world = await openWorld(fixture);
    const request = await world.prepared(
      world.request(taskSample(fixture), { webhookUrl: WEBHOOK_URL }),
    );
    const task = await world.begin();
    await world.server.close();
    expectQuiet(fixture, await refusedBy(world.adapter.submit(request)));
    expectQuiet(fixture, await refusedBy(world.check(task)));
  }),
];

/** Answers that an error will be made of, each with something in it that must not get out. */
function oddAnswers(fixture: Fixture): Answer[] {
  const said = echo(keysOf(fixture));
  const json = { message: said, detail: said, error: { code: said, message: said }, msg: said };
  const page = `${HTML}<p>BODYMARK ${said}</p>`;
  const odd: Answer[] = [];
  for (const status of [400, 401, 403, 404, 422, 429, 500, 503]) {
    odd.push({ status, body: json }, { status, body: page });
  }
  odd.push({ body: page }, { body: '{"id":"BODYMARK' }, { body: { BODYMARK: [said] } });
  return [...odd, reset, silence, slowBody, cutShort];
}

function keysOf(fixture: Fixture): string[] {
  const { apiKey, webhookSecrets } = fixture.settings({ url: 'http://127.0.0.1' });
  const sent = Object.values(fixture.auth).flatMap((value) => value.split(' ').slice(-1));
  return [...apiKey.split(':'), ...webhookSecrets, ...sent].filter((part) => part.length >= 4);
}

/** Searches the whole chain of causes, as a logger would print it. */
function expectQuiet(fixture: Fixture, told: unknown): void {
  const marks = ['IMAGEMARK', 'BODYMARK', 'img.example.com', 'to-ken_1'];
  expectNone([...keysOf(fixture), ...marks], told);
}

function expectNone(secrets: readonly string[], told: unknown): void {
  const printed = inspect(told, { depth: 20, showHidden: true, maxStringLength: null });
  const whole = told instanceof Error ? `${printed} ${causesOf(told)}` : printed;
  for (const secret of secrets) expect(whole).not.toContain(secret);
}

/** The provider's answers, with this in place of its every sentence. */
function quoting(answers: Answers, said: string): Answers {
  const text = JSON.stringify(answers).replace(
    /"(message|detail|error|error_message|errorCode|msg|failMsg|why)":"[^"]*"/gi,
    (_all, field) => `"${field}":${JSON.stringify(said)}`,
  );
  return JSON.parse(text);
}

function causesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.message} ${error.stack} ${JSON.stringify(error)} ${causesOf(error.cause)}`;
}
