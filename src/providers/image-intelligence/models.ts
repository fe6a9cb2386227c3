import { z } from 'zod';
import type { PollProfile } from '../../generation/poll-timing.ts';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { Model } from '../provider.ts';
import { parseInput } from '../wire-values.ts';

/**
 * The models of Image Intelligence, and what may be asked of them. Sources: see wire.ts; of the exclusion
 * zones the reference page of `/detect` and version 2.5 of the specification, read 2026-11-21.
 */

/** Specification: the longest URL of an image. Images as base64 are not offered: they are large. */
const MAX_URL_LENGTH = 512;
const ShortUrl = ImageUrl.refine(
  (url) => url.length <= MAX_URL_LENGTH,
  `must have at most ${MAX_URL_LENGTH} characters`,
).meta({ format: 'uri', maxLength: MAX_URL_LENGTH });

/** Specification: the longest name of a job, a feed, an image or a target. */
const Label = z.string().min(1).max(64);

/** A link, or a link with the app's own name for the image, which comes back with its result. */
const InputImage = z.union([
  ShortUrl,
  z.strictObject({ url: ShortUrl, customId: Label.optional() }),
]);

const common = {
  images: z.array(InputImage).min(1).max(64),
  feedId: Label.optional(),
};

/** The specification names 32, 64 and 128; the reference page shows 16. */
const GRID_SIZES = [16, 32, 64, 128] as const;

/** Cells of a grid over the image that are not looked at: rows of 1 (left out) and 0. */
const ExclusionZones = z
  .strictObject({
    size: z.literal(GRID_SIZES),
    zones: z
      .array(z.array(z.union([z.literal(0), z.literal(1)])).max(128))
      .min(1)
      .max(128),
  })
  .refine(({ size, zones }) => [zones, ...zones].every(({ length }) => length <= size), {
    path: ['zones'],
    message: 'must have at most `size` rows of at most `size` cells',
  });

const Verify = z.enum(['NEVER', 'AUTO', 'ALWAYS']);

/** `verify`: whether people look at the result; AUTO unless asked. */
const DetectInput = z.strictObject({
  ...common,
  classes: z
    .array(
      z.strictObject({
        class: z.string().min(1).max(200),
        verify: Verify.optional(),
        exclusionZones: ExclusionZones.optional(),
      }),
    )
    .min(1)
    .max(64),
});

const MatchInput = z.strictObject({
  ...common,
  target: z.strictObject({
    class: z.string().min(1).max(200),
    images: z.array(ShortUrl).min(1).max(3),
    customId: Label.optional(),
  }),
});

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * ASSUMPTION: the numbers, for no document says how long people take; hours are possible. What nobody
 * looks at has a quarter of an hour; what people may look at has six hours, what they certainly look at
 * a day, and both are asked about less often the longer they take. The webhook comes once, for the
 * whole batch.
 */
const PATIENCE = {
  NEVER: { longestMs: MINUTE_MS, giveUpAfterMs: 15 * MINUTE_MS },
  AUTO: { longestMs: 2 * MINUTE_MS, giveUpAfterMs: 6 * HOUR_MS },
  ALWAYS: { longestMs: 5 * MINUTE_MS, giveUpAfterMs: 24 * HOUR_MS },
} as const;

/** Without an input to tell, people may look at it: that is the default of `verify`, and of a match. */
const USUAL_TIMING: Partial<PollProfile> = {
  firstAfterMs: 5_000,
  everyMs: 5_000,
  factor: 2,
  webhookGraceMs: MINUTE_MS,
  maxPolls: undefined,
  ...PATIENCE.AUTO,
};

const Verified = z.object({ classes: z.array(z.object({ verify: Verify.catch('AUTO') })) });

/** As long as the class takes that people look at the most. */
function patienceFor(input: Record<string, unknown>): Partial<PollProfile> {
  const levels = Verified.safeParse(input).data?.classes.map(({ verify }) => verify) ?? ['AUTO'];
  if (levels.includes('ALWAYS')) return PATIENCE.ALWAYS;
  return levels.includes('AUTO') ? PATIENCE.AUTO : PATIENCE.NEVER;
}

/** A model, how its input is said, and where. */
export interface ImageModel extends Model {
  readonly path: string;
  wireBody(input: Record<string, unknown>): Record<string, unknown>;
}

const imagesBody = (images: readonly z.infer<typeof InputImage>[]) =>
  images.map((image) => (typeof image === 'string' ? { url: image } : image));

export const MODELS: Readonly<Record<string, ImageModel>> = {
  detect: {
    type: 'exponential',
    about: 'Finds objects of given classes in 1 to 64 images; people may check the result.',
    input: DetectInput,
    poll: USUAL_TIMING,
    pollFor: patienceFor,
    path: '/v2/detect',
    wireBody: (raw) => {
      const { images, classes, feedId } = parseInput(DetectInput, raw);
      // Specification: a grid is the one type of zones there is.
      const wired = classes.map(({ exclusionZones, ...wanted }) => ({
        ...wanted,
        ...(exclusionZones && { exclusionZones: { type: 'GRID', ...exclusionZones } }),
      }));
      return { images: imagesBody(images), classes: wired, feedId };
    },
  },
  match: {
    type: 'exponential',
    about: 'Finds one thing, shown in 1 to 3 images, in 1 to 64 images.',
    input: MatchInput,
    poll: USUAL_TIMING,
    path: '/v2/match',
    wireBody: (raw) => {
      const { images, target, feedId } = parseInput(MatchInput, raw);
      // Specification: of the target the bare URLs, unlike those of the images.
      return { images: imagesBody(images), target, feedId };
    },
  },
};
