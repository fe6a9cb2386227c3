import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { completionEvent } from '../../src/generation/completion-event.ts';
import type { Generation } from '../../src/generation/generation.ts';
import { VERDICTS } from '../../src/generation/verdicts.ts';
import { representation } from '../../src/http/representation.ts';
import { RECORDS } from '../generation/fixtures.ts';
import { bearer, generationOf, setup } from './setup.ts';

const { queued, submitted, completed, failed } = RECORDS;

describe('a generation over HTTP', () => {
  test('while it lives, says its provider’s word for it, how far it is and what its task is called', async () => {
    const { ask, call, redis, keys } = await setup();
    const { id } = await generationOf(await ask());
    const live: Generation = { ...submitted, id: queued.id, providerStatus: 'rendering' };
    const { version, ...record } = { ...live, id, tenant: 'shop', progress: 0.4 };
    await redis.set(keys.record(id), `${version}\n${JSON.stringify({ format: 2, ...record })}`);
    const shown = await call(`/v1/generations/${id}`, { headers: bearer('shop') });
    expect(await shown.json()).toMatchObject({
      ...{ status: 'processing', providerStatus: 'rendering', progress: 0.4 },
      ...{ providerTaskId: 'task-1', charge: null, test: false },
    });
  });

  test('has the list price of its model from the day it was asked for', async () => {
    const { ask, redis, keys } = await setup();
    const { id } = await generationOf(await ask());
    const [, json = ''] = ((await redis.get(keys.record(id))) ?? '').split('\n');
    expect(JSON.parse(json)).toMatchObject({ listPrice: '1 credit per picture' });
  });
});

test('nothing live is shown of one that waits or has ended', () => {
  const nothing = { providerStatus: null, progress: null };
  expect(representation(queued)).toMatchObject({ ...nothing, providerTaskId: null });
  expect(representation({ ...completed })).toMatchObject(nothing);
});

test('its end is told alike by the API and by the event', () => {
  const mayHelpToRetry = { code: 'out_of_credit', message: 'No credit.', mayHelpToRetry: true };
  const charge = { amount: 2, unit: 'credits' };
  const paid = { ...completed, charge };
  const refused = { ...failed, reason: mayHelpToRetry, isTest: true as const };
  for (const one of [paid, refused]) {
    const { reason, charge, test, providerTaskId } = completionEvent(one).data;
    expect(representation(one)).toMatchObject({ reason, charge, test, providerTaskId });
  }
  expect(representation(paid)).toMatchObject({ charge: { ...charge, source: 'reported' } });
  expect(representation(refused)).toMatchObject({
    ...{ charge: null, test: true },
    reason: { code: 'out_of_credit', message: 'No credit.', retry: { mayHelp: true } },
  });
});

describe('docs/api.md', () => {
  const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const section = (heading: string): string =>
    page.split(`\n${heading}\n`)[1]?.split(/\n##+ /)[0] ?? '';
  const named = (heading: string): string[] =>
    [...section(heading).matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/\w+/g)].map(([name]) => name),
    );

  test('names every field of a generation, and no other', () => {
    expect(named('## A generation').sort()).toEqual(Object.keys(representation(failed)).sort());
  });

  test('names every field of the event’s data, and no other', () => {
    expect(named('## The completion event').sort()).toEqual(
      Object.keys(completionEvent(failed).data).sort(),
    );
  });

  test('says of every verdict of ours whether to ask again', () => {
    const rows = section('### May it help to ask again?').matchAll(/^\| `(\w+)` \| `(\w+)`/gm);
    const said = Object.fromEntries([...rows].map(([, code, mayHelp]) => [code, mayHelp]));
    const ours = Object.entries(VERDICTS).map(([code, { via, outcome }]) => {
      const ended = { ...failed, state: outcome, via, reason: { code, message: '' } };
      return [code, String(representation(ended).reason?.retry.mayHelp)];
    });
    expect(said).toEqual(Object.fromEntries(ours));
  });
});
