import { createHash } from 'node:crypto';
import { z } from 'zod';
import type {
  ImageInput,
  ImageProblem,
  Refusal,
  Submission,
  TaskFacts,
  TaskView,
  Verdict,
} from '../../contract/dialect.ts';
import { identityOf } from '../../pictures/image-identity.ts';

// The batch jobs of Image Intelligence; the sources are named in image-intelligence.ts.

/** `/v2/ask` is documented as analogous and not simulated. */
export type JobKind = 'detect' | 'match';

const imageUrl = z.url({ protocol: /^https?$/ }).max(512);
const imageSchema = z
  .object({
    url: imageUrl.optional(),
    blob: z.base64().optional(),
    customId: z.string().max(64).optional(),
  })
  // ASSUMPTION: exactly one of the two; documented is only that both are optional.
  .refine(({ url, blob }) => (url === undefined) !== (blob === undefined), 'needs a url or a blob');

const jobSchema = {
  images: z.array(imageSchema).min(1).max(64),
  webhookUrl: imageUrl.optional(),
  customId: z.string().max(64).optional(),
  feedId: z.string().max(64).optional(),
};

const wantedClassSchema = z.object({
  class: z.string().min(1),
  verify: z.enum(['NEVER', 'AUTO', 'ALWAYS']).default('AUTO'),
  exclusionZones: z.array(z.unknown()).optional(),
});

const targetSchema = z.object({
  class: z.string().min(1),
  images: z.array(imageUrl).min(1).max(3),
  customId: z.string().max(64).optional(),
});

const detectSchema = z.object({ ...jobSchema, classes: z.array(wantedClassSchema).min(1) });
const matchSchema = z.object({ ...jobSchema, target: targetSchema });

/** What a job keeps about its request to describe itself later. */
const notesSchema = z.object({
  ids: z.array(z.object({ url: z.string().nullable(), customId: z.string().optional() })),
  customId: z.string().optional(),
  feedId: z.string().optional(),
  classes: z.array(wantedClassSchema).optional(),
  target: targetSchema.optional(),
});

type JobRequest = z.infer<typeof detectSchema> | z.infer<typeof matchSchema>;

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
  const parsed = detectSchema.safeParse(body);
  if (parsed.success) return toSubmission(parsed.data);
  return { reason: 'invalid', message: z.prettifyError(parsed.error) };
}

/** Reads a match request. */
export function readMatch(body: unknown): Submission | Refusal {
  const parsed = matchSchema.safeParse(body);
  if (parsed.success) return toSubmission(parsed.data);
  return { reason: 'invalid', message: z.prettifyError(parsed.error) };
}

/** Which of the two a job is. */
export function kindOf(task: TaskFacts): JobKind {
  return task.submission.notes['target'] === undefined ? 'detect' : 'match';
}

const imageStatuses = {
  unreachable: 'IMAGE_DOWNLOAD_ERROR',
  unreadable: 'INVALID_IMAGE_FORMAT_ERROR',
};

const outcomeSchema = z.array(z.string());

/** All images good, some, or none: three ends with a word each. */
export function judgeJob(
  _job: TaskFacts,
  problems: readonly (ImageProblem | undefined)[],
): Verdict {
  const data = problems.map((problem) =>
    problem ? imageStatuses[problem.kind] : 'COMPLETED_SUCCESSFULLY',
  );
  const failed = problems.filter((problem) => problem !== undefined).length;
  if (failed === problems.length) {
    return { state: 'failed', kind: 'image-load', message: 'Every image failed.', data };
  }
  const status = failed > 0 ? 'COMPLETED_PARTIAL_ERROR' : 'COMPLETED_SUCCESSFULLY';
  return { state: 'completed', status, data };
}

/** The same image and class always get the same number, between 0 and 1. */
function confidenceOf(image: ImageInput, className: string): number {
  const digest = createHash('sha256')
    .update(`${identityOf(image)} ${className}`)
    .digest();
  return digest.readUInt16BE(0) / 0xffff;
}

/** Whether it is certain that the class is there. ASSUMPTION: where the line is. */
function isCertain(confidence: number): boolean {
  return confidence >= 0.5;
}

function imageStatusesOf(task: TaskFacts, view: TaskView): string[] {
  const count = task.submission.inspectedImages?.length ?? 0;
  if (view.state === 'live') return Array.from({ length: count }, () => 'IN_PROGRESS');
  if ('data' in view && view.data !== undefined) return outcomeSchema.parse(view.data);
  // The whole job broke, so no image has a reason of its own.
  return Array.from({ length: count }, () => 'DETECTION_ENGINE_ERROR');
}

function statusOf(view: TaskView): string {
  switch (view.state) {
    case 'live':
      return view.status;
    case 'completed':
      return view.status ?? 'COMPLETED_SUCCESSFULLY';
    default:
      return 'COMPLETED_ALL_ERROR';
  }
}

/** Nothing is served there: it only looks like the address that the specification shows. */
function proxyUrlOf(jobId: string, index: number): string {
  return `https://api.quickpix.io/images/${jobId}-${index}`;
}

/** The job object: what a submit, a poll, a search and the webhook all show. */
export function jobBody(task: TaskFacts, view: TaskView): Record<string, unknown> {
  const { ids, customId, feedId, classes = [], target } = notesSchema.parse(task.submission.notes);
  const { inspectedImages: inputs = [], webhookUrl } = task.submission;
  const statuses = imageStatusesOf(task, view);
  const images = ids.map(({ url, customId: imageId }, index) => ({
    id: `${task.id}-${index}`,
    // ASSUMPTION: an image that was sent inline has the proxy's address for its own.
    url: url ?? proxyUrlOf(task.id, index),
    proxyUrl: proxyUrlOf(task.id, index),
    ...(imageId !== undefined && { customId: imageId }),
  }));
  const objectsOf = (index: number) =>
    classes.map(({ class: name }) => {
      const confidence = confidenceOf(inputs[index] ?? '', name);
      return { class: name, confidence, verdict: isCertain(confidence) };
    });
  const isGood = (index: number): boolean => statuses[index] === 'COMPLETED_SUCCESSFULLY';

  /** The good image in which `name` is surest, if one is sure enough. */
  function bestImage(name: string) {
    const [best] = images
      .flatMap((image, index) =>
        isGood(index) ? [{ ...image, confidence: confidenceOf(inputs[index] ?? '', name) }] : [],
      )
      .sort((one, other) => other.confidence - one.confidence);
    return best && isCertain(best.confidence) ? best : undefined;
  }

  function matchResult(wanted: z.infer<typeof targetSchema>) {
    const best = bestImage(wanted.class);
    if (!best) return { target: wanted, hitl: false };
    // A match says which image, and not how sure it is.
    const { confidence: _, ...image } = best;
    return { target: wanted, hitl: false, image };
  }

  const isDone = view.state !== 'live';
  const detections = classes.map(({ class: name, verify }) => {
    const image = bestImage(name);
    return { class: name, hitl: verify === 'ALWAYS', ...(image && { image }) };
  });
  // An array for detect, a single object for match.
  const done = target ? matchResult(target) : detections;
  return {
    id: task.id,
    createdAt: task.acceptedAtMs,
    status: statusOf(view),
    // What was not given is left out.
    ...(customId !== undefined && { customId }),
    ...(feedId !== undefined && { feedId }),
    ...(webhookUrl !== undefined && { webhookUrl }),
    jobResults: isDone ? done : target ? { target, hitl: false } : [],
    imageResults: images.map((image, index) => ({
      ...image,
      status: statuses[index],
      ...(!target && { objects: isGood(index) ? objectsOf(index) : [] }),
    })),
  };
}
