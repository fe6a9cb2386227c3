import { expect } from 'vitest';
import { z } from 'zod';
import { POLL_PROFILES } from '../../../src/config/poll-profiles.ts';
import { type Fixture, IMAGES } from '../fixture.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { modelOf, openWorld, WEBHOOK_URL } from '../world.ts';

/** What an adapter says of itself is true, and what its fixture says of it too: lacks included. */
export const declaring: readonly Rule[] = [
  rule('its name can stand in URLs, queue names and variables', async (fixture) => {
    const { adapter } = await openWorld(fixture);
    expect(adapter.name).toBe(fixture.name);
    expect(adapter.name).toMatch(/^[a-z][a-z0-9-]{0,39}$/);
  }),

  rule('it has a webhook exactly if its declaration says so', async (fixture) => {
    const { adapter } = await openWorld(fixture);
    const { webhook } = adapter;
    expect(webhook?.scope ?? 'none').toBe(fixture.declares.webhook);
    expect(webhook?.trust ?? 'none').toBe(fixture.declares.trust);
    const hasFixture = fixture.webhook !== undefined;
    expect(hasFixture, 'the fixture has a part `webhook`').toBe(webhook !== undefined);
    expect(fixture.declares.trust === 'signature').toBe(fixture.declares.signature !== 'none');
    expect(fixture.webhook?.sign !== undefined).toBe(fixture.declares.signature !== 'none');
  }),

  rule('what it can do beyond submitting and checking is what it declares', async (fixture) => {
    const { adapter } = await openWorld(fixture);
    const { cancel, account, prepare, lookUp, repeatSubmit, inputs } = fixture.declares;
    const real = {
      cancel: adapter.cancel !== undefined,
      account: adapter.account !== undefined,
      prepare: adapter.prepare !== undefined,
      lookUp: adapter.repeatSubmit.kind === 'search',
      repeatSubmit: adapter.repeatSubmit.kind,
      inputs: adapter.inputs,
    };
    expect(real).toEqual({ cancel, account, prepare, lookUp, repeatSubmit, inputs });
    const told = {
      cancel: fixture.cancel !== undefined,
      account: fixture.account !== undefined,
      prepare: fixture.prepare !== undefined,
      lookUp: fixture.lookUp !== undefined,
    };
    expect(told, 'the fixture has a part for each').toEqual({ cancel, account, prepare, lookUp });
  }),

  rule('what it declares about repeats goes together', async (fixture) => {
    const { adapter } = await openWorld(fixture);
    const { repeatSubmit } = adapter;
    if (repeatSubmit.kind === 'idempotency-key') {
      expect(repeatSubmit.keyLifetimeMs, 'of any use').toBeGreaterThan(60_000);
    }
    expect(fixture.referenceIn !== undefined).toBe(repeatSubmit.kind !== 'none');
  }),

  rule('its results, inline answers and handles are those of its declaration', (fixture) => {
    const { declares, results, samples } = fixture;
    const kinds = new Set(results.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([...declares.results].sort());
    expect(samples.some(({ inline }) => inline !== undefined)).toBe(declares.inline);
    expect(fixture.elsewhere !== undefined).toBe(declares.handle);
  }),

  rule('a task holds an address to follow only if the declaration says so', async (fixture) => {
    const task = await (await openWorld(fixture)).begin();
    if (!fixture.declares.handle) expect(task.handle ?? '').not.toMatch(/https?:/);
    expect(task.id).toBe(fixture.taskId(1));
  }),

  rule('its limits are sane, and the operator’s win', async (fixture) => {
    const { limits } = (await openWorld(fixture)).adapter;
    const { submits, concurrency, running = 1 } = limits;
    for (const n of [submits.max, submits.perMs, concurrency, running]) {
      expect(n).toBeGreaterThanOrEqual(1);
      expect(n).toBeLessThanOrEqual(24 * 3_600_000);
    }
    expect(limits.pollsPerSecond).toBeGreaterThan(0);
    const chosen = { submitsPerMinute: 7, concurrency: 3, pollsPerSecond: 0.5, running: 2 };
    const own = await openWorld(fixture, { settings: { limits: chosen } });
    expect(own.adapter.limits).toEqual({
      submits: { max: 7, perMs: 60_000 },
      concurrency: 3,
      pollsPerSecond: 0.5,
      running: 2,
    });
  }),

  rule('a base URL may end in a slash', async (fixture) => {
    const world = await openWorld(fixture, { baseUrl: (url) => `${url}/` });
    await world.begin();
    for (const { url } of world.server.received) expect(url).not.toMatch(/^\/\//);
    expect(world.sent('submit')).toHaveLength(1);
  }),

  rule('building it, and reading what it can do, calls nobody', async (fixture) => {
    const world = await openWorld(fixture);
    expect(Object.keys(world.adapter.models).length).toBeGreaterThan(0);
    expect(world.server.connections()).toBe(0);
  }),

  rule(
    'its models have names for URLs, a type, one line about them and sane numbers',
    async (fixture) => {
      const { models } = (await openWorld(fixture)).adapter;
      for (const [name, model] of Object.entries(models)) {
        expect(name).toMatch(/^[a-z0-9][a-z0-9._/-]{0,99}$/i);
        expect(Object.keys(POLL_PROFILES)).toContain(model.type);
        expect(model.about, name).toMatch(/^[^\n]{10,200}$/);
        if (model.price !== undefined) expect(model.price, name).toMatch(/^[^\n]{3,200}$/);
        if (model.resultLifetimeMs !== undefined) expect(model.resultLifetimeMs).toBeGreaterThan(0);
        const poll = { ...POLL_PROFILES[model.type], ...model.poll };
        for (const value of Object.values(poll)) {
          if (typeof value === 'number') expect(value, name).toBeGreaterThan(0);
        }
        expect(poll.giveUpAfterMs, name).toBeGreaterThan(poll.firstAfterMs);
      }
    },
  ),

  rule(
    'every model’s input renders as a JSON Schema that allows nothing unknown',
    async (fixture) => {
      const { models } = (await openWorld(fixture)).adapter;
      for (const [name, { input }] of Object.entries(models)) {
        const schema = z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' });
        const forms = schema.anyOf ?? schema.oneOf ?? [schema];
        for (const form of forms) {
          expect(form, name).toMatchObject({ type: 'object', additionalProperties: false });
        }
      }
    },
  ),

  rule('every picture in that JSON Schema is a uri of a bounded length', async (fixture) => {
    const { models } = (await openWorld(fixture)).adapter;
    for (const [name, { input }] of Object.entries(models)) {
      const text = JSON.stringify(z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' }));
      const uris = text.match(/\{[^{}]*"format":"uri"[^{}]*\}/g) ?? [];
      const samples = fixture.samples.filter(({ model }) => model === name);
      // Some models make do with words.
      if (JSON.stringify(samples).includes(IMAGES.person)) {
        expect(uris.length, name).toBeGreaterThan(0);
      }
      for (const uri of uris) expect(JSON.parse(uri).maxLength, name).toBeGreaterThan(100);
    }
  }),

  rule('the fixture has a sample of every model and of every option', async (fixture) => {
    const { models } = (await openWorld(fixture)).adapter;
    for (const [name, { input }] of Object.entries(models)) {
      const samples = fixture.samples.filter(({ model }) => model === name);
      const sampled = new Set(samples.flatMap((sample) => Object.keys(sample.input)));
      expect([...sampled], name).toEqual(expect.arrayContaining(fieldsOf(input)));
    }
  }),

  rule('input fields that a model does not know are refused', async (fixture) => {
    const { adapter } = await openWorld(fixture);
    for (const { model, input } of fixture.samples) {
      const schema = modelOf(adapter, model).input;
      expect(schema.safeParse(input).success, model).toBe(true);
      expect(schema.safeParse({ ...input, unheardOf: 1 }).success, model).toBe(false);
      expect(schema.safeParse({ ...input, webhook_url: WEBHOOK_URL }).success).toBe(false);
      expect(schema.safeParse({}).success, model).toBe(false);
    }
  }),

  rule(
    'pictures are asked for as links; data: URIs and local files are refused',
    async (fixture) => {
      const { adapter } = await openWorld(fixture);
      for (const { model, input } of fixture.samples) {
        const schema = modelOf(adapter, model).input;
        for (const odd of ['data:image/png;base64,AAAA', 'file:///etc/passwd', '/etc/passwd', '']) {
          const replaced = replacePicture(input, odd);
          expect(schema.safeParse(replaced).success, `${model}: ${odd}`).toBe(false);
        }
      }
    },
  ),

  ruleUnless((f) => signsNothing(f))(
    'without a secret it has no webhook support and is told no URL',
    async (fixture) => {
      for (const webhookSecrets of [[], ['']]) {
        const world = await openWorld(fixture, { settings: { webhookSecrets } });
        expect(world.adapter.webhook).toBeUndefined();
        const request = await world.prepared(world.request());
        await world.adapter.submit({ ...request, webhookUrl: WEBHOOK_URL });
        const [sent] = world.sent('submit');
        expect(sent && fixture.webhook?.urlIn(sent)).toBeUndefined();
      }
    },
  ),

  ruleUnless((f) => hintsNever(f))(
    'its webhook is a hint until the settings trust the token',
    async (fixture) => {
      expect((await openWorld(fixture)).adapter.webhook?.trust).toBe('hint');
      for (const trust of ['hint', 'token'] as const) {
        const world = await openWorld(fixture, { settings: { trust } });
        expect(world.adapter.webhook?.trust).toBe(trust);
      }
    },
  ),

  ruleUnless((f) => f.declares.trust === 'hint' && 'signs nothing: the settings decide')(
    'settings cannot make it trust what it has not',
    async (fixture) => {
      const { webhook } = (await openWorld(fixture, { settings: { trust: 'token' } })).adapter;
      expect(webhook?.trust ?? 'none').toBe(fixture.declares.trust);
    },
  ),
];

function signsNothing({ declares, fetchesItsSecret }: Fixture) {
  if (fetchesItsSecret) return 'fetches its secret: needs none in the settings';
  if (declares.webhook === 'none') return 'poll-only: has no webhook';
  if (declares.signature === 'none') return 'signs nothing: needs no secret';
  if (declares.signature === 'ed25519-jwks') return 'signs with published keys: needs no secret';
  return undefined;
}

function hintsNever({ declares }: Fixture) {
  if (declares.webhook === 'none') return 'poll-only: has no webhook';
  return declares.trust === 'signature' && 'its webhook is signed';
}

/** The names of the fields that an input may have. */
function fieldsOf(input: z.ZodType): string[] {
  const schema = z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' });
  const forms = schema.anyOf ?? schema.oneOf ?? [schema];
  return forms.flatMap((form) =>
    typeof form === 'object' ? Object.keys(form.properties ?? {}) : [],
  );
}

/** The input with `odd` in place of its first picture; undefined when it has none. */
function replacePicture(input: Readonly<Record<string, unknown>>, odd: string): unknown {
  let done = false;
  const pictures = new Set<unknown>(Object.values(IMAGES));
  const walk = (value: unknown): unknown => {
    if (!done && pictures.has(value)) {
      done = true;
      return odd;
    }
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
  };
  const replaced = walk(input);
  return done ? replaced : undefined;
}
