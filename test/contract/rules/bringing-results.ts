import { expect } from 'vitest';
import { meaningOf } from '../meaning.ts';
import { type Rule, rule, ruleUnless } from '../rule.ts';
import { HTML } from '../trouble.ts';
import { openWorld } from '../world.ts';

import { checkMeans, completed, expectedResults, PICTURE } from './asking.ts';

/** What a finished task brings, and what is passed on of it. */
export const bringingResults: readonly Rule[] = [
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
];
