import { z } from 'zod';
import type { LoadedImage } from '../../outbound/image-source.ts';
import { ImageUrl } from '../../outbound/url-policy.ts';
import { expiring, signedUntil } from '../expiring.ts';
import type { Model, Observation } from '../provider.ts';
import { beginningOf, failed, MODERATION_WORDS, reasonIn } from '../reasons.ts';
import { completedWith, LooseText, statusWord, TaskId } from '../wire-values.ts';

/**
 * FitRoom's bodies. Sources, read 2026-11-20: the introduction of its developer documentation (the
 * paths, the key's header, the example's fields), and public client programs that agree with each
 * other (every other field name, and all status words): those are ASSUMPTIONs throughout.
 */

const garments = {
  garmentImages: z.array(ImageUrl).min(1).max(2),
  clothType: z.enum(['upper', 'lower', 'full_set', 'combo']).optional().meta({
    description:
      'For one garment: required, one of upper, lower or full_set. For two: combo, or left out.',
  }),
};
const Garments = z.object(garments);

/** Two garments are an upper and a lower one, in this order, which FitRoom calls a combo. */
export const TryOnInput = z
  .strictObject({ personImage: ImageUrl, ...garments, hd: z.boolean().optional() })
  .superRefine(
    ({ garmentImages, clothType }, context) => {
      const isPair = garmentImages.length === 2;
      // One client reports that a task whose type does not fit the garment is never begun.
      const message = isPair
        ? 'must be combo, or left out, for two garments'
        : 'must be upper, lower or full_set for one garment';
      const fits = isPair ? (clothType ?? 'combo') === 'combo' : clothType && clothType !== 'combo';
      if (!fits) context.addIssue({ code: 'custom', path: ['clothType'], message });
    },
    // Also when another field is wrong: all mistakes of a request are named at once.
    { when: ({ value }) => Garments.safeParse(value).success },
  );
export type TryOnInput = z.infer<typeof TryOnInput>;

export const TRYON: Model = {
  type: 'image-fast',
  about: 'Dresses a person in one garment, or in an upper and a lower one, up to 2048 px.',
  input: TryOnInput,
  /**
   * Inferred from clients, which ask every 2 to 5 s and have seen 5 min. ASSUMPTION: CREATED is a queue,
   * and who waits in it three times as long has paid and still gets the picture.
   */
  poll: {
    firstAfterMs: 5_000,
    everyMs: 3_000,
    factor: 1.2,
    longestMs: 10_000,
    giveUpAfterMs: 15 * 60_000,
  },
};

/** The form of a submission, from the pictures in the input's order. */
export function taskForm(input: TryOnInput, person: LoadedImage, garments: LoadedImage[]) {
  return {
    model_image: person,
    cloth_image: garments[0],
    cloth_type: garments.length === 2 ? 'combo' : input.clothType,
    lower_cloth_image: garments[1],
    hd_mode: input.hd ? 'true' : undefined,
  };
}

export const Accepted = z.object({ task_id: TaskId });

export const Task = z.object({
  status: LooseText,
  /** Percent. */
  progress: z.number().min(0).max(100).nullish().catch(undefined),
  download_signed_url: LooseText,
  error: LooseText,
  error_message: LooseText,
});

/** ASSUMPTION: refusals use any of these. */
export const ApiError = z.object({
  error: LooseText,
  message: LooseText,
  errors: z.array(z.string()).nullish().catch(undefined),
});

/** What a refusal says for itself. */
export function errorText(body: z.infer<typeof ApiError> | undefined): string | undefined {
  return body?.message || body?.error || body?.errors?.[0] || undefined;
}

/**
 * ASSUMPTION: a 404 about an unknown task says that it is the task that is missing; no document shows
 * one. One that does not speak of a task may be about the path, or from somebody else.
 */
export function saysNoSuchTask(body: z.infer<typeof ApiError> | undefined): boolean {
  const noSuch = /\btask\b.*\b(not found|unknown|expired|exist)|\b(no such|unknown) task\b/i;
  return noSuch.test(beginningOf(errorText(body)));
}

/** What a task says. A status that nobody has seen is a live one; CREATED is one that waits. */
export function observe(task: z.infer<typeof Task>): Observation {
  const status = statusWord(task.status);
  const said = task.error || task.error_message || undefined;
  switch (status) {
    case 'completed': {
      const link = task.download_signed_url;
      return { kind: 'final', outcome: expiring(completedWith(link ? [link] : []), signedUntil) };
    }
    case 'failed':
      return { kind: 'final', outcome: failed(reasonIn(said, MODERATION_WORDS), said) };
    case 'cancelled':
    case 'canceled':
      return { kind: 'final', outcome: failed('provider_canceled', said) };
    default: {
      const { progress } = task;
      return {
        kind: 'live',
        status,
        ...(typeof progress === 'number' && { progress: progress / 100 }),
      };
    }
  }
}
