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

/**
 * "Try-On": the two libraries of uploads. ASSUMPTION: where try-on tasks are created and asked for,
 * and the fields of one, by analogy with "Recolor" and with the names that "Try-On" gives the ids.
 */
export const PATHS = {
  persons: '/v2/tryon/person-images/',
  garments: '/v2/tryon/garment-images/',
  /** A task; it is created at the part before its id. */
  task: '/v2/tryon/tasks/{id}/',
};

/** ASSUMPTION: one garment per task; no page shows more. "Recolor": 2k unless asked. */
export const TryOnInput = z.strictObject({
  personImage: ImageUrl,
  garmentImages: z.array(ImageUrl).length(1),
  imageQuality: z.enum(['2k', '4k']).optional(),
});
export type TryOnInput = z.infer<typeof TryOnInput>;

export const TRYON: Model = {
  type: 'image-quality',
  about: 'Dresses a person in one garment, up to 4K.',
  input: TryOnInput,
  // "Recolor": ask every 3 to 5 s. The rest is inferred; 5 min suits 4k and is harmless for 2k.
  poll: {
    firstAfterMs: 5_000,
    everyMs: 4_000,
    factor: 1,
    longestMs: 4_000,
    giveUpAfterMs: 300_000,
  },
};

/** "Try-On": the answer to an upload. Ids are whole numbers; here they are strings. */
export const Upload = z.object({ id: TaskId });

/** What has been uploaded already, kept between the steps of one submission. */
export const Prepared = z.object({ person: TaskId.optional(), garment: TaskId.optional() });
export type Prepared = z.infer<typeof Prepared>;

/** The task, for `POST` on the part of `PATHS.task` before the id. */
export function taskBody(input: TryOnInput, uploads: { person: string; garment: string }) {
  return {
    tryon_person_image_id: wireId(uploads.person),
    garment_image_id: wireId(uploads.garment),
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
