import { expect, onTestFinished } from 'vitest';
import { loopbackServer } from '../../support/loopback-server.ts';
import { type Answers, type Exchange, type Fixture, LINK, type ResultForm } from '../fixture.ts';
import { meaningOf, told } from '../meaning.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { bloated, cutShort, HTML, redirect, reset, silence, slowBody } from '../trouble.ts';
import {
  openWorld,
  refusedBy,
  type Script,
  type Trouble,
  taskSample,
  type WorldOptions,
  write,
} from '../world.ts';

/** What a status check learns, and what it does not. */
export const checking: readonly Rule[] = [
  rule('a check is one question with our key, at the task’s own address', async (fixture) => {
    const world = await openWorld(fixture);
    const task = await world.begin();
    world.answer(fixture.live('anything'));
    await world.check(task);
    const [sent, ...more] = world.sent('check');
    expect([...more, ...world.sent('result')]).toEqual([]);
    expect(sent?.method).toBe('GET');
    expect(sent?.headers).toMatchObject(fixture.auth);
    if (fixture.checkPath) expect(sent?.url).toBe(fixture.checkPath(task.id));
    expect(sent?.url).toContain(encodeURIComponent(task.id));
  }),

  rule('every documented status word means what it should', async (fixture) => {
    expect(fixture.statuses.length).toBeGreaterThan(2);
    const kinds = new Set(fixture.statuses.map(({ means }) => means.is));
    expect([...kinds]).toEqual(expect.arrayContaining(['live', 'completed', 'failed']));
    for (const { name, answers, means } of fixture.statuses) {
      expect(await checkMeans(fixture, answers), name).toMatchObject(told(means));
    }
  }),

  rule('a status that nobody documented is a live one', async (fixture) => {
    for (const word of ['paused_by_moon', 'constructor', '__proto__', 'done?', 'x'.repeat(5_000)]) {
      const means = await checkMeans(fixture, fixture.live(word));
      expect(means, word.slice(0, 40)).toMatchObject({ is: 'live' });
      const { status } = means as { status: string }; // live: asserted above
      expect(status.length).toBeLessThanOrEqual(64);
    }
    expect(await checkMeans(fixture, fixture.live('Paused'))).toEqual({
      is: 'live',
      status: 'paused',
    });
  }),

  rule('every documented answer that is no status has its class and code', async (fixture) => {
    expect(fixture.checkErrors.length).toBeGreaterThan(0);
    for (const { name, answers, means } of fixture.checkErrors) {
      expect(await checkMeans(fixture, answers), name).toMatchObject(told(means));
    }
  }),

  rule('every documented failure has a reason code of ours', async (fixture) => {
    expect(fixture.failures.length).toBeGreaterThan(0);
    for (const { name, answers, means } of fixture.failures) {
      expect(means.is).toBe('failed');
      expect(await checkMeans(fixture, answers), name).toEqual(means);
    }
  }),

  rule('a check never fails a generation for trouble on the way', async (fixture) => {
    const documented = fixture.checkErrors.concat(fixture.failures, fixture.statuses);
    const world = await openWorld(fixture);
    const task = await world.begin();
    for (const exchange of readsOf(fixture)) {
      const known = documented.map(({ answers }) => answers[exchange]?.status ?? 200);
      for (const status of [400, 402, 405, 408, 409, 418, 422, 500, 502, 503, 504, 520]) {
        for (const body of [{}, HTML, '']) {
          // The provider gives this status a meaning of its own.
          if (known.includes(status) && exchange === 'result') continue;
          world.answer(withOne(fixture, exchange, { status, body }));
          const means = await meaningOf(world.check(task));
          if (known.includes(status)) expect(means.is).not.toBe('Terminal');
          else expect(means, `${exchange} ${status}`).toMatchObject({ is: 'Retryable' });
        }
      }
    }
  }),

  rule('a check that finds no task says so, or is tried again', async (fixture) => {
    for (const status of [404, 410]) {
      const means = await checkMeans(fixture, { check: { status, body: {} } });
      expect(['missing', 'Retryable']).toContain(means.is);
    }
  }),

  rule('a refused key is the operator’s trouble, not the generation’s', async (fixture) => {
    for (const status of [401, 403]) {
      const means = await checkMeans(fixture, { check: { status, body: {} } });
      expect(means, String(status)).toMatchObject({ is: 'Retryable', code: 'unauthorized' });
    }
  }),

  rule('a check that comes too often waits as long as it is told', async (fixture) => {
    const check = (headers: Record<string, string>) =>
      checkMeans(fixture, { check: { status: 429, body: {}, headers } });
    const date = new Date(Date.now() + 60_000).toUTCString();
    expect(await check({ 'retry-after': '7' })).toMatchObject({
      is: 'Retryable',
      code: 'rate_limited',
      retryAfterMs: 7_000,
    });
    expect(await check({ 'retry-after': date })).toMatchObject({
      retryAfterMs: expect.any(Number),
    });
    expect(await check({})).toMatchObject({ is: 'Retryable', code: 'rate_limited' });
  }),

  rule('no answer to a check is passing trouble', async (fixture) => {
    for (const exchange of readsOf(fixture)) {
      for (const trouble of [reset, cutShort]) {
        const means = await checkMeans(fixture, withOne(fixture, exchange, trouble));
        expect(means, exchange).toMatchObject({ is: 'Retryable', code: 'unavailable' });
      }
    }
    const world = await openWorld(fixture);
    const task = await world.begin();
    await world.server.close();
    expect(await meaningOf(world.check(task))).toMatchObject({
      is: 'Retryable',
      code: 'unavailable',
    });
  }),

  rule('a check that is not answered in time is tried again', async (fixture) => {
    const late = readsOf(fixture).flatMap((exchange) =>
      [silence, slowBody].map(async (trouble) => {
        const script = withOne(fixture, exchange, trouble);
        const means = await checkMeans(fixture, script, { timeoutMs: 300 });
        expect(means).toMatchObject({ is: 'Retryable', code: 'unavailable' });
      }),
    );
    await Promise.all(late);
  }),

  rule('an answer that is too large is not read', async (fixture) => {
    for (const exchange of readsOf(fixture)) {
      const good = answersOf(fixture.results[0])[exchange] ?? {};
      const script = withOne(fixture, exchange, bloated(good));
      expect(await checkMeans(fixture, script)).toMatchObject({ is: 'completed' });
      const means = await checkMeans(fixture, script, { maxBodyBytes: 100_000 });
      expect(means).toMatchObject({ is: 'Retryable' });
    }
  }),

  rule('a page, half a body or nothing instead of a status is tried again', async (fixture) => {
    for (const body of [
      HTML,
      '',
      ' ',
      'null',
      '[]',
      '{"id":"job_1","status":"comp',
      '\ufeff',
      '"done"',
    ]) {
      const means = await checkMeans(fixture, { check: { body } });
      // A body without any status says nothing; at some providers that is a sign of life.
      expect(['Retryable', 'live'], body).toContain(means.is);
    }
    expect(await checkMeans(fixture, { check: { body: HTML } })).toMatchObject({ is: 'Retryable' });
    expect(await checkMeans(fixture, { check: { body: '' } })).toMatchObject({ is: 'Retryable' });
  }),

  rule('a check does not follow redirects with our key', async (fixture) => {
    const elsewhere = await loopbackServer((_request, _req, res) => res.end('{}'));
    onTestFinished(elsewhere.close);
    for (const exchange of readsOf(fixture)) {
      for (const status of [301, 302, 307, 308]) {
        const script = withOne(fixture, exchange, redirect(status, `${elsewhere.url}/steal`));
        expect(await checkMeans(fixture, script)).toMatchObject({ is: 'Retryable' });
      }
    }
    expect(elsewhere.connections()).toBe(0);
  }),

  ruleUnless(noHandle)('an address at another origin is never followed', async (fixture) => {
    const elsewhere = await loopbackServer((_request, _req, res) => res.end('{}'));
    onTestFinished(elsewhere.close);
    const { elsewhere: odd } = fixture;
    if (!odd) throw new Error('a declared handle has a part `elsewhere`');
    const id = fixture.taskId(1);
    for (const origin of [
      elsewhere.url,
      elsewhere.url.replace('127.0.0.1', '127.0.0.1.:80@127.0.0.1'),
    ]) {
      const world = await openWorld(fixture);
      const request = await world.prepared(world.request(taskSample(fixture)));
      world.answer({ submit: odd.accepted(id, origin), ...fixture.live('waiting') });
      const submitted = await world.adapter.submit(request).catch(() => undefined);
      if (submitted) await meaningOf(world.check(submitted.task));
      const handle = odd.handle(id, origin);
      const means = await meaningOf(world.check({ id, handle }));
      expect(means.is).not.toBe('Terminal');
      await world.adapter.cancel?.({ id, handle });
      expect(world.sent('cancel')).toEqual([]);
    }
    expect(elsewhere.connections()).toBe(0);
  }),

  ruleUnless(noHandle)(
    'addresses that the provider returned are followed, wherever of its own they are',
    async (fixture) => {
      const { elsewhere: moved } = fixture;
      const id = fixture.taskId(1);
      const world = await openWorld(fixture);
      const request = await world.prepared(world.request(taskSample(fixture)));
      world.answer({ submit: moved?.moved(id, world.server.url) ?? {} });
      const { task } = await world.adapter.submit(request);
      world.answer(answersOf(fixture.results[0]));
      const foreign = moved?.handle(id, 'https://evil.example') ?? '';
      for (const [asked, handle] of [
        [moved?.asks, task.handle],
        [moved?.usual(id), undefined],
        [moved?.usual(id), foreign],
        [moved?.usual(id), 'x'],
      ] as const) {
        world.server.received.splice(0);
        await world.check(handle === undefined ? { id } : { id, handle });
        expect(world.server.received.map(({ url }) => url)).toEqual(asked);
        for (const { headers } of world.server.received) {
          expect(headers).toMatchObject(fixture.auth);
        }
      }
      if (!moved?.cancels) return;
      world.server.received.splice(0);
      world.answer({ cancel: fixture.cancel?.done ?? {} });
      await world.adapter.cancel?.(task);
      expect(world.server.received.map(({ url }) => url)).toEqual([moved.cancels]);
    },
  ),

  ruleUnless(noHandle)('a handle that is not ours is no crash', async (fixture) => {
    const world = await openWorld(fixture, { script: fixture.live('waiting') });
    for (const handle of [
      '',
      'null',
      '{}',
      '[]',
      'nonsense',
      '{"status_url":1}',
      'http://',
      '//x',
    ]) {
      const means = await meaningOf(world.check({ id: fixture.taskId(1), handle }));
      expect(means.is, handle).not.toBe('Terminal');
    }
  }),

  rule(
    'a task that a webhook adopted, without a handle, is checked or said to be missing',
    async (fixture) => {
      const world = await openWorld(fixture, { script: fixture.live('waiting') });
      const observation = await world.check({ id: fixture.taskId(5) });
      expect(['live', 'missing']).toContain(observation.kind);
      if (observation.kind !== 'live') return;
      const known = await openWorld(fixture);
      const task = await known.begin(fixture.taskId(5));
      known.answer(fixture.live('waiting'));
      await known.check(task);
      const usual = known.sent('check').map(({ url }) => url);
      expect(world.sent('check').map(({ url }) => url)).toEqual(usual);
    },
  ),

  rule('an id cannot lead a check to another address', async (fixture) => {
    const world = await openWorld(fixture, { script: fixture.live('waiting') });
    for (const id of ['../../account', 'a/b', 'a?b=c', 'a#b', 'a%2fb', '$&', 'a b']) {
      await meaningOf(world.check({ id }));
    }
    const others = world.server.received.filter(
      (one) => !['check', 'aside'].includes(fixture.exchangeOf(one)),
    );
    expect(others.map(({ url }) => url)).toEqual([]);
    for (const { url } of world.sent('check')) {
      expect(new URL(url, 'http://stand-in').pathname).not.toMatch(/\/account$|\/b$/);
      expect(url).not.toMatch(/a\?b=c|[# ]/);
    }
  }),

  rule('a finished task brings its results, in their order', async (fixture) => {
    for (const form of fixture.results) {
      for (const n of form.kind === 'url' && form.most > 1 ? [1, Math.min(form.most, 4)] : [1]) {
        const { outcome } = await completed(fixture, form, n);
        expect(outcome).toEqual({ verdict: 'completed', results: expectedResults(form, n) });
      }
    }
  }),

  rule('results hold links or small data, never a file inline', async (fixture) => {
    for (const form of fixture.results) {
      const { outcome } = await completed(fixture, form, 1);
      const text = JSON.stringify(outcome);
      expect(text).not.toMatch(/data:[a-z]+\//i);
      expect(text.length).toBeLessThan(70_000);
    }
  }),

  ruleUnless((f) => !f.declares.results.includes('url') && 'brings no links')(
    'a result that is no usable link is a failure with a reason, and is not passed on',
    async (fixture) => {
      for (const form of fixture.results) {
        if (form.kind !== 'url') continue;
        for (const link of [
          '/relative.png',
          'javascript:alert(1)',
          'ftp://x/y.png',
          '',
          'https://',
          `https://a.example/${'b'.repeat(9_000)}`,
        ]) {
          const answers = form.answers([link]);
          const means = await checkMeans(fixture, answers, {}, form.model);
          // A relative link may have been made whole, on the provider's own origin.
          if (means.is === 'completed') expect(link).toBe('/relative.png');
          else
            expect(means, link.slice(0, 40)).toMatchObject({
              is: 'failed',
              code: 'result_missing',
            });
        }
        const none = await checkMeans(fixture, form.answers([]), {}, form.model);
        expect(none).toMatchObject({ is: 'failed', code: 'result_missing' });
      }
    },
  ),

  ruleUnless((f) => !f.declares.results.includes('url') && 'brings no links')(
    'a file sent where a link belongs is kept as a file or refused, not passed on',
    async (fixture) => {
      for (const form of fixture.results) {
        if (form.kind !== 'url') continue;
        const inline = `data:image/png;base64,${PICTURE.toString('base64')}`;
        const world = await openWorld(fixture);
        const task = await world.begin();
        world.answer(form.answers([inline]));
        const seen = await world.check(task, form.model);
        expect(JSON.stringify(seen)).not.toContain('base64,');
        const means = await meaningOf(Promise.resolve(seen));
        if (means.is === 'completed') expect(world.kept).toEqual([PICTURE]);
        else expect(means).toEqual({ is: 'failed', code: 'result_inline' });
      }
    },
  ),

  ruleUnless((f) => !f.declares.results.includes('bytes') && 'never brings a file as bytes')(
    'bytes that are no picture or video are a missing result, and nothing is kept',
    async (fixture) => {
      for (const form of fixture.results) {
        if (form.kind !== 'bytes') continue;
        for (const bytes of [Buffer.from(HTML), Buffer.from('')]) {
          const world = await openWorld(fixture);
          const task = await world.begin();
          world.answer(form.answers(bytes));
          const means = await meaningOf(world.check(task, form.model));
          expect(means.is).not.toBe('completed');
          expect(world.kept).toEqual([]);
        }
      }
    },
  ),

  rule('a check has no effects: asking twice gives the same answer', async (fixture) => {
    for (const form of fixture.results) {
      const { world, task, seen } = await completed(fixture, form, 1);
      expect(await world.check(task, form.model)).toEqual(seen);
      expect(world.sent('submit')).toHaveLength(1);
    }
  }),

  ruleUnless((f) => !f.staleToken && 'its key does not expire')(
    'a token that went stale is replaced once, and the call made again',
    async (fixture) => {
      for (const exchange of ['submit', 'check'] as const) {
        const world = await openWorld(fixture);
        const request = await world.prepared(world.request(taskSample(fixture)));
        const task = await world.begin();
        const before = world.sent(exchange).length;
        const accepted = fixture.accepted(fixture.taskId(1), world.server);
        const healthy = exchange === 'submit' ? accepted : fixture.live('waiting').check;
        const answers = [fixture.staleToken, healthy];
        const next: Trouble = (_req, res) => write(res, answers.shift() ?? {});
        world.answer({ [exchange]: next });
        if (exchange === 'submit') await world.adapter.submit(request);
        else expect(await world.check(task)).toMatchObject({ kind: 'live' });
        expect(world.sent(exchange)).toHaveLength(before + 2);

        world.answer({ [exchange]: fixture.staleToken });
        const call = exchange === 'submit' ? world.adapter.submit(request) : world.check(task);
        expect(await refusedBy(call)).toMatchObject({ name: 'Retryable', code: 'unauthorized' });
        expect(world.sent(exchange)).toHaveLength(before + 4);
      }
    },
  ),
];

const PICTURE = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

async function checkMeans(
  fixture: Fixture,
  script: Script | Answers,
  options: WorldOptions = {},
  model?: string,
) {
  const world = await openWorld(fixture, options);
  const task = await world.begin();
  world.answer(script);
  return meaningOf(world.check(task, model));
}

async function completed(fixture: Fixture, form: ResultForm, n: number) {
  const world = await openWorld(fixture);
  const task = await world.begin();
  world.answer(answersOf(form, n));
  const seen = await world.check(task, form.model);
  if (seen.kind !== 'final') throw new Error(`A finished task was seen as ${seen.kind}`);
  return { world, task, seen, outcome: seen.outcome };
}

export function answersOf(form: ResultForm, n = 1): Answers {
  if (form.kind === 'url') return form.answers(linksOf(n));
  return form.kind === 'bytes' ? form.answers(PICTURE) : form.answers();
}

function linksOf(n: number): string[] {
  return Array.from({ length: n }, (_, index) => `${LINK}?n=${index}&sig=a%2Fb`);
}

function expectedResults(form: ResultForm, n: number): unknown[] {
  if (form.kind === 'url') return linksOf(n).map((url) => ({ kind: 'file', url }));
  if (form.kind === 'data') return form.data.map((data) => ({ kind: 'data', data }));
  return [
    expect.objectContaining({ kind: 'file', url: expect.stringMatching(/^https:.*\/files\//) }),
  ];
}

/** The exchanges of which a check of a finished task is made. */
function readsOf(fixture: Fixture): Exchange[] {
  const answers = answersOf(fixture.results[0]);
  return answers.result ? ['check', 'result'] : ['check'];
}

/** A finished task's answers, with one of them replaced. */
function withOne(fixture: Fixture, exchange: Exchange, by: Script[Exchange]): Script {
  return { ...answersOf(fixture.results[0]), [exchange]: by };
}

function noHandle({ declares }: Fixture) {
  return !declares.handle && 'builds the address from the id';
}
