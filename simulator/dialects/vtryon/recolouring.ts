import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { invalid } from '../inputs.ts';

// Facts: Vtryon, the recolor guide, read 2026-11-21.

const SIZES = { '2k': 2048, '4k': 4096 };

const Id = z.number().int();
const Body = z.object({
  // The page calls both required; its example has one.
  pose_image_generation_id: Id.optional(),
  models_image_generation_task_id: Id.optional(),
  color_changes: z.array(z.object({ target: z.string(), color: z.string() })).min(1),
  image_quality: z.enum(['2k', '4k']).default('2k'),
});

/**
 * Reads a recolouring. How pictures in poses are made no readable page says, so none is made here:
 * every number is one of them, and shows the stock figure.
 */
export function readRecolouring(request: Request, provider: Provider): Submission | Refusal {
  const parsed = Body.safeParse(request.body);
  if (!parsed.success) return invalid(parsed.error);
  const { pose_image_generation_id, models_image_generation_task_id, ...wish } = parsed.data;
  const base = pose_image_generation_id ?? models_image_generation_task_id;
  if (base === undefined) return invalid('pose_image_generation_id: This field is required.');
  const px = SIZES[wish.image_quality];
  return {
    personImage: new URL('/assets/person.png', provider.url('/')).href,
    garmentImages: [],
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    drawing: { kind: 'recolouring', degrees: degreesFor(wish.color_changes) },
    resultCount: 1,
    creditCost: 1, // ASSUMPTION: prices are not published.
    notes: {},
  };
}

/** Always the same for the same colours. */
function degreesFor(changes: readonly { color: string }[]): number {
  const words = changes.map(({ color }) => color).join();
  return 60 + (createHash('sha256').update(words).digest()[0] ?? 0);
}
