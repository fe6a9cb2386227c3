import type { Request } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { invalid } from '../inputs.ts';

// Facts: as in dialect.ts.

const SIZES = { '2k': 2048, '4k': 4096 };

const TaskBody = z.object({
  tryon_person_image_id: z.number().int(),
  garment_image_id: z.number().int(),
  image_quality: z.enum(['2k', '4k']).default('2k'),
});

/** Reads a task, whose pictures were uploaded before. */
export function readSubmission(request: Request, provider: Provider): Submission | Refusal {
  const parsed = TaskBody.safeParse(request.body);
  if (!parsed.success) return invalid(parsed.error);
  const { tryon_person_image_id, garment_image_id, image_quality } = parsed.data;
  const person = provider.findUpload('person-images', String(tryon_person_image_id));
  const garment = provider.findUpload('garment-images', String(garment_image_id));
  // ASSUMPTION: an id nobody uploaded is a bad request.
  if (!person) return invalid('tryon_person_image_id: object does not exist.');
  if (!garment) return invalid('garment_image_id: object does not exist.');
  const px = SIZES[image_quality];
  return {
    personImage: person.bytes,
    garmentImages: [garment.bytes],
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    resultCount: 1,
    creditCost: 1, // ASSUMPTION: prices are not published.
    notes: {},
  };
}

function statusWord(view: TaskView, provider: Provider): string {
  if (view.state !== 'live') return view.state;
  // The documents use both words for the same state.
  return view.status === 'queued' ? provider.chosen('waiting-word') : view.status;
}

/** A task, as a poll shows it. */
export function taskBody(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Record<string, unknown> {
  return {
    id: Number(task.id),
    status: statusWord(view, provider),
    result_url: view.state === 'completed' ? view.resultUrls[0] : null,
    // ASSUMPTION: where a failed task says why.
    ...(view.state === 'failed' && { error: { message: view.message } }),
  };
}

/** The id is called differently than in the tasks, and the result lies one level deeper. */
export function webhookBody(task: TaskFacts, view: TaskView, provider: Provider): unknown {
  return {
    event: 'generation.status_changed',
    task_id: Number(task.id),
    status: statusWord(view, provider),
    // ASSUMPTION: null where there is nothing to say.
    data: view.state === 'completed' ? { result_url: view.resultUrls[0] } : null,
    error: view.state === 'failed' ? { message: view.message } : null,
  };
}
