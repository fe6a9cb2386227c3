import { z } from 'zod';

const LAST_CHECK_AFTER_MS = 3_600_000;

/**
 * How patiently each kind of model is asked, in milliseconds. The first four come from APIXO's
 * published polling guide, `exponential` from FitInView's "Webhooks vs Polling" (both read
 * 2026-11-20). The webhook grace is ours: long enough that a webhook that comes at all comes first.
 * So is the last check: ASSUMPTION: whatever a provider finishes after we gave up is there an hour
 * later, and can still be asked for.
 */
export const POLL_PROFILES = {
  'image-fast': steady({ firstAfterMs: 5_000, everyMs: 3_000, graceMs: 30_000, giveUpMin: 2 }),
  'image-quality': steady({ firstAfterMs: 10_000, everyMs: 5_000, graceMs: 60_000, giveUpMin: 3 }),
  video: steady({ firstAfterMs: 60_000, everyMs: 15_000, graceMs: 180_000, giveUpMin: 10 }),
  audio: steady({ firstAfterMs: 30_000, everyMs: 10_000, graceMs: 90_000, giveUpMin: 5 }),
  exponential: {
    firstAfterMs: 1_000,
    everyMs: 1_000,
    factor: 2,
    longestMs: 16_000,
    webhookGraceMs: 30_000,
    giveUpAfterMs: 5 * 60_000,
    maxPolls: 10,
    lastCheckAfterMs: LAST_CHECK_AFTER_MS,
  },
};

export type PollProfileName = keyof typeof POLL_PROFILES;

function steady(times: {
  firstAfterMs: number;
  everyMs: number;
  graceMs: number;
  giveUpMin: number;
}) {
  return {
    firstAfterMs: times.firstAfterMs,
    everyMs: times.everyMs,
    factor: 1,
    longestMs: times.everyMs,
    webhookGraceMs: times.graceMs,
    giveUpAfterMs: times.giveUpMin * 60_000,
    maxPolls: undefined as number | undefined,
    lastCheckAfterMs: LAST_CHECK_AFTER_MS,
  };
}

const milliseconds = z
  .number()
  .int()
  .min(50)
  .max(24 * 3_600_000);

/** A part of a profile; what is left out stays as it was. */
export const PollProfileChange = z.strictObject({
  firstAfterMs: milliseconds.exactOptional(),
  everyMs: milliseconds.exactOptional(),
  factor: z.number().min(1).max(10).exactOptional(),
  longestMs: milliseconds.exactOptional(),
  webhookGraceMs: milliseconds.exactOptional(),
  giveUpAfterMs: milliseconds.exactOptional(),
  maxPolls: z.number().int().min(1).exactOptional(),
  lastCheckAfterMs: z
    .number()
    .int()
    .min(0)
    .max(24 * 3_600_000)
    .exactOptional(),
});
export type PollProfileChange = z.infer<typeof PollProfileChange>;

/** Keys: a profile's name, `provider`, or `provider/model`. */
export type PollProfileChanges = Readonly<Record<string, PollProfileChange>>;

/**
 * The profile in force for one model: the named profile, refined by what the provider recommends,
 * then by the settings, of which the more specific one wins.
 */
export function pollProfileFor(
  name: PollProfileName,
  model: { provider: string; name: string; recommended?: object | undefined },
  changes: PollProfileChanges,
) {
  const profile = {
    ...POLL_PROFILES[name],
    ...model.recommended,
    ...changes[name],
    ...changes[model.provider],
    ...changes[`${model.provider}/${model.name}`],
  };
  return { ...profile, longestMs: Math.max(profile.longestMs, profile.everyMs) };
}
