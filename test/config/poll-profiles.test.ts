import { expect, test } from 'vitest';
import { POLL_PROFILES, pollProfileFor } from '../../src/config/poll-profiles.ts';
import { readSettings } from '../../src/config/settings.ts';

const MODEL = { provider: 'fashn', name: 'tryon-v1.6' };

test('a model without anything said about it has its type’s profile', () => {
  expect(pollProfileFor('video', MODEL, {})).toEqual(POLL_PROFILES.video);
});

test('what is more specific wins: type, recommendation, type in settings, provider, model', () => {
  const recommended = { firstAfterMs: 1_001 };
  const steps = [
    [{}, 1_001],
    [{ 'image-fast': { firstAfterMs: 1_002 } }, 1_002],
    [{ fashn: { firstAfterMs: 1_003 } }, 1_003],
    [{ 'fashn/tryon-v1.6': { firstAfterMs: 1_004 } }, 1_004],
  ] as const;
  let changes = {};
  for (const [change, expected] of steps) {
    changes = { ...change, ...changes };
    const profile = pollProfileFor('image-fast', { ...MODEL, recommended }, changes);
    expect(profile.firstAfterMs).toBe(expected);
    expect(profile.giveUpAfterMs).toBe(POLL_PROFILES['image-fast'].giveUpAfterMs);
  }
});

test('another provider’s, model’s or type’s change changes nothing', () => {
  const changes = {
    video: { everyMs: 60 },
    fitinview: { everyMs: 60 },
    'fashn/tryon-max': { everyMs: 60 },
    'fitinview/tryon-v1.6': { everyMs: 60 },
  };
  expect(pollProfileFor('image-fast', MODEL, changes)).toEqual(POLL_PROFILES['image-fast']);
});

test('the longest wait is never shorter than the usual one', () => {
  const profile = pollProfileFor('image-fast', MODEL, { fashn: { everyMs: 9_000 } });
  expect(profile).toMatchObject({ everyMs: 9_000, longestMs: 9_000 });
});

test('the changes are read from the settings', () => {
  const POLL_PROFILES =
    '{"image-fast":{"everyMs":2000},"fashn/tryon-max":{"webhookGraceMs":90000}}';
  expect(readSettings({ POLL_PROFILES }).POLL_PROFILES).toEqual({
    'image-fast': { everyMs: 2_000 },
    'fashn/tryon-max': { webhookGraceMs: 90_000 },
  });
});
