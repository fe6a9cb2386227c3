import { z } from 'zod';
import type { ImageInput } from '../../contract/picture.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import type { TaskFacts } from '../../contract/task.ts';
import { HttpUrl, invalid } from '../inputs.ts';

// Facts: as in dialect.ts.

/** `/v2/ask` is documented as analogous and not simulated. */
export type JobKind = 'detect' | 'match';

const ImageUrl = HttpUrl.max(512);

const Image = z
  .object({
    url: ImageUrl.optional(),
    blob: z.base64().optional(),
    customId: z.string().max(64).optional(),
  })
  // ASSUMPTION: exactly one of the two; documented is only that both are optional.
  .refine(({ url, blob }) => (url === undefined) !== (blob === undefined), 'needs a url or a blob');

const job = {
  images: z.array(Image).min(1).max(64),
  webhookUrl: ImageUrl.optional(),
  customId: z.string().max(64).optional(),
  feedId: z.string().max(64).optional(),
};

/** A grid of at most `size` × `size` cells. The reference page shows 16, the specification does not. */
const ExclusionZones = z
  .object({
    type: z.literal('GRID'),
    size: z.literal([16, 32, 64, 128]).default(64),
    zones: z.array(z.array(z.literal([0, 1]))),
  })
  .refine(
    ({ size, zones }) => zones.length <= size && zones.every((row) => row.length <= size),
    'zones must fit the size',
  );

const WantedClass = z.object({
  class: z.string().min(1),
  verify: z.enum(['NEVER', 'AUTO', 'ALWAYS']).default('AUTO'),
  exclusionZones: ExclusionZones.optional(),
});

/** What a match looks for. */
const Target = z.object({
  class: z.string().min(1),
  images: z.array(ImageUrl).min(1).max(3),
  customId: z.string().max(64).optional(),
});

const Detect = z.object({ ...job, classes: z.array(WantedClass).min(1) });

const Match = z.object({ ...job, target: Target });

/** What a job keeps about its request to describe itself later. */
export const Notes = z.object({
  ids: z.array(z.object({ url: z.string().nullable(), customId: z.string().optional() })),
  customId: z.string().optional(),
  feedId: z.string().optional(),
  classes: z.array(WantedClass).optional(),
  target: Target.optional(),
});

type JobRequest = z.infer<typeof Detect> | z.infer<typeof Match>;

function toSubmission(body: JobRequest): Submission {
  const { images, webhookUrl, customId, feedId } = body;
  const inspectedImages = images.map(
    ({ url, blob }): ImageInput => url ?? Buffer.from(blob ?? '', 'base64'),
  );
  return {
    garmentImages: [],
    inspectedImages,
    outputSize: { widthPx: 1, heightPx: 1, fit: 'inside' },
    resultCount: 0,
    creditCost: images.length, // ASSUMPTION: prices are not published.
    ...(webhookUrl !== undefined && { webhookUrl }),
    notes: {
      ids: images.map(({ url, customId: imageId }) => ({
        url: url ?? null,
        ...(imageId !== undefined && { customId: imageId }),
      })),
      ...(customId !== undefined && { customId }),
      ...(feedId !== undefined && { feedId }),
      ...('classes' in body ? { classes: body.classes } : { target: body.target }),
    },
  };
}

/** Reads a detect request. */
export function readDetect(body: unknown): Submission | Refusal {
  const parsed = Detect.safeParse(body);
  if (parsed.success) return toSubmission(parsed.data);
  return invalid(parsed.error);
}

/** Reads a match request. */
export function readMatch(body: unknown): Submission | Refusal {
  const parsed = Match.safeParse(body);
  if (parsed.success) return toSubmission(parsed.data);
  return invalid(parsed.error);
}

/** Which of the two a job is. */
export function kindOf(task: TaskFacts): JobKind {
  return task.submission.notes['target'] === undefined ? 'detect' : 'match';
}
