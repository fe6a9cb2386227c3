import { z } from 'zod';
import { ImageUrl } from '../../outbound/url-policy.ts';
import type { Model, Observation } from '../provider.ts';
import { failed, MODERATION_WORDS, reasonIn } from '../reasons.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * Vtryon's bodies. Sources, all read 2026-11-20: its "Webhooks Integration Guide", which wins, and
 * the API pages "Try-On" (uploads) and "Recolor" (tasks). The page that would tell how a try-on task
 * is created could not be read.
 */

/** "Try-On": the two libraries of uploads. */
export const LIBRARIES = {
  persons: '/v2/tryon/person-images/',
  garments: '/v2/tryon/garment-images/',
};

/** Where a model's tasks are created, and where each is asked for. */
export interface TaskPaths {
  readonly submit: string;
  /** With `{id}`. */
  readonly status: string;
}

/**
 * ASSUMPTION: where try-on tasks are created and asked for, and the fields of one, by analogy with
 * "Recolor" and with the names that "Try-On" gives the ids. "Recolor" creates its own under another
 * version and name than it asks for them; so may "Try-On".
 */
export const TRYON_PATHS: TaskPaths = {
  submit: '/v2/tryon/tasks/',
  status: '/v2/tryon/tasks/{id}/',
};

/** "Recolor". */
export const RECOLOR_PATHS: TaskPaths = {
  submit: '/v4/models/multipose-image-recolor/',
  status: '/v2/models/multipose-tasks/{id}/',
};

/** "Recolor": 2k unless asked. */
const imageQuality = z.enum(['2k', '4k']).optional();

/** ASSUMPTION: one garment per task; no page shows more. */
export const TryOnInput = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).length(1),
  imageQuality,
});
export type TryOnInput = z.infer<typeof TryOnInput>;

/** The number of a task or of a picture, as Vtryon counts them. */
const Count = z.int().min(1);
const Words = z.string().trim().min(1).max(100);

/**
 * "Recolor": what is recoloured is a picture of Vtryon's own, by the number of the task that made it.
 * The page calls both numbers required, and its example has one. ASSUMPTION: it is either. ASSUMPTION:
 * no more than 20 changes, in 100 characters each; no page names a bound.
 */
export const RecolorInput = z
  .strictObject({
    poseTaskId: Count.optional(),
    modelTaskId: Count.optional(),
    colorChanges: z
      .array(z.strictObject({ target: Words, color: Words }))
      .min(1)
      .max(20),
    imageQuality,
  })
  .refine(
    ({ poseTaskId, modelTaskId }) => (poseTaskId === undefined) !== (modelTaskId === undefined),
    {
      path: ['poseTaskId'],
      message: 'or modelTaskId: one of them, and not both',
    },
  );

// "Recolor": ask every 3 to 5 s. The rest is inferred; 5 min suits 4k and is harmless for 2k.
const poll = {
  firstAfterMs: 5_000,
  everyMs: 4_000,
  factor: 1,
  longestMs: 4_000,
  giveUpAfterMs: 300_000,
};

/** Posing is not among them: the page that would tell how it is asked for could not be read. */
export const MODELS = {
  tryon: {
    type: 'image-quality',
    about: 'Dresses a person in one garment, up to 4K.',
    input: TryOnInput,
    poll,
  },
  recolor: {
    type: 'image-quality',
    about: 'Gives garments in a picture that Vtryon made other colours, up to 4K.',
    input: RecolorInput,
    poll,
  },
} satisfies Record<string, Model>;

/** "Try-On": the answer to an upload. Ids are whole numbers; here they are strings. */
export const Upload = z.object({ id: TaskId });

/** What has been uploaded already, kept between the steps of one submission. */
export const Prepared = z.object({ person: TaskId.optional(), garment: TaskId.optional() });
export type Prepared = z.infer<typeof Prepared>;

/** A try-on task, as it is created. */
export function tryOnBody(input: TryOnInput, uploads: { person: string; garment: string }) {
  return {
    tryon_person_image_id: wireId(uploads.person),
    garment_image_id: wireId(uploads.garment),
    image_quality: input.imageQuality,
  };
}

/** "Recolor": a task, as it is created. */
export function recolorBody(input: z.infer<typeof RecolorInput>) {
  return {
    pose_image_generation_id: input.poseTaskId,
    models_image_generation_task_id: input.modelTaskId,
    color_changes: input.colorChanges,
    image_quality: input.imageQuality,
  };
}

/** "Try-On" shows whole numbers; anything else goes back as it came. */
function wireId(id: string): string | number {
  const number = Number(id);
  return String(number) === id && Number.isSafeInteger(number) ? number : id;
}

/** ASSUMPTION: failure details are in `error`, a string or `{ message }`, as in the webhook. */
const Fault = z
  .union([z.string(), z.object({ message: z.string() }).transform(({ message }) => message)])
  .nullish()
  .catch(undefined);

/** "Recolor": a task, as its creation and its status tell it. */
export const Task = z.object({
  id: TaskId,
  status: LooseText,
  result_url: LooseText,
  error: Fault,
});

/** "Webhooks Integration Guide": the id is called `task_id`, the link lies in `data`. */
export const Change = z.object({
  event: LooseText,
  task_id: TaskId,
  status: z.string(),
  data: z.object({ result_url: LooseText }).nullish().catch(undefined),
  error: Fault,
});

/** ASSUMPTION: refusals are `{ detail }`, as deleting an upload answers. */
export const ApiError = z.object({ detail: LooseText });

/**
 * ASSUMPTION: how a 404 says that the task is unknown, and not the path. These are the words of Django
 * REST framework, as which the lists and `detail` of "Try-On" look; its unknown paths answer a page.
 */
export const NO_SUCH_TASK = /^(not found\.$|no \w+ matches the given query)/i;

/** What a task says of itself. A status that no page names is a live one. */
export function observe(task: {
  status?: string | null | undefined;
  result_url?: string | null | undefined;
  error?: string | null | undefined;
}): Observation {
  const status = statusWord(task.status);
  if (status === 'completed') {
    return { kind: 'final', outcome: completedWith(task.result_url ? [task.result_url] : []) };
  }
  if (status === 'failed') {
    return {
      kind: 'final',
      outcome: failed(reasonIn(task.error, MODERATION_WORDS), task.error ?? undefined),
    };
  }
  return { kind: 'live', status };
}
