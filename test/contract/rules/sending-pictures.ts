import { expect } from 'vitest';
import { Retryable, Terminal } from '../../../src/generation/errors.ts';
import { IMAGES } from '../fixture.ts';
import { meaningOf } from '../meaning.ts';
import { type Rule, ruleUnless } from '../rule.ts';
import { openWorld, pictureAt } from '../world.ts';
import { submitted } from './submitting.ts';

/** How pictures get to the provider: named as links, or loaded by us and sent. */
export const sendingPictures: readonly Rule[] = [
  ruleUnless((f) => f.declares.inputs === 'upload' && 'loads pictures itself')(
    'pictures are named to the provider as links, and not loaded by us',
    async (fixture) => {
      const { world, sent } = await submitted(fixture, fixture.samples[0]);
      expect(world.loaded).toEqual([]);
      expect(sent.body).toContain(IMAGES.person);
    },
  ),

  ruleUnless((f) => f.declares.inputs === 'url' && 'takes pictures as links')(
    'pictures are loaded by us and sent as bytes; their links stay with us',
    async (fixture) => {
      const { world } = await submitted(fixture, fixture.samples[0]);
      const everything = Buffer.concat(world.server.received.map(({ bytes }) => bytes));
      expect(world.loaded).toContain(IMAGES.person);
      for (const url of new Set(world.loaded))
        expect(everything.includes(pictureAt(url))).toBe(true);
      for (const { url, headers } of world.server.received) {
        expect(`${url} ${JSON.stringify(headers)}`).not.toContain('img.example.com');
      }
    },
  ),

  ruleUnless((f) => f.declares.inputs === 'url' && 'takes pictures as links')(
    'a picture that cannot be had is found before the submission begins, and costs nothing',
    async (fixture) => {
      for (const [imageTrouble, means] of [
        [
          new Terminal('image_unreadable', 'It is no picture'),
          { is: 'Terminal', code: 'image_unreadable' },
        ],
        [
          new Retryable('unavailable', 'Its host is away'),
          { is: 'Retryable', code: 'unavailable' },
        ],
      ] as const) {
        const world = await openWorld(fixture, { imageTrouble });
        // Not only in `submit`: a crash there, while pictures load, would leave the outcome in doubt.
        const attempt = world.prepared(world.request()).then(() => ({}));
        expect(await meaningOf(attempt)).toEqual(means);
        const ready = await (await openWorld(fixture)).prepared(world.request());
        const late = await meaningOf(world.adapter.submit(ready));
        // Pictures that are uploaded already are not loaded again.
        if (world.sent('submit').length > 0) expect(late).toEqual({ is: 'accepted' });
        else expect(late).toEqual(means);
        const { asks, loadsAgain } = fixture.prepare ?? {};
        expect(world.sent('submit')).toHaveLength(asks && !loadsAgain ? 1 : 0);
      }
    },
  ),
];
