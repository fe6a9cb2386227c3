import { z } from 'zod';
import type { ImageProblem } from '../../contract/picture.ts';
import type { TaskFacts, TaskView, Verdict } from '../../contract/task.ts';
import { bestImage, GOOD, type JobImage, objectsIn } from './detections.ts';
import { Notes } from './job-request.ts';

// Facts: as in dialect.ts.

const IMAGE_STATUSES = {
  unreachable: 'IMAGE_DOWNLOAD_ERROR',
  unreadable: 'INVALID_IMAGE_FORMAT_ERROR',
};

const Outcome = z.array(z.string());

/** All images good, some, or none: three ends with a word each. */
export function judgeJob(
  _job: TaskFacts,
  problems: readonly (ImageProblem | undefined)[],
): Verdict {
  const data = problems.map((problem) => (problem ? IMAGE_STATUSES[problem.kind] : GOOD));
  const failed = problems.filter((problem) => problem !== undefined).length;
  if (failed === problems.length) {
    return { state: 'failed', kind: 'image-load', message: 'Every image failed.', data };
  }
  const status = failed > 0 ? 'COMPLETED_PARTIAL_ERROR' : GOOD;
  return { state: 'completed', status, data };
}

function imageStatusesOf(task: TaskFacts, view: TaskView): string[] {
  const count = task.submission.inspectedImages?.length ?? 0;
  if (view.state === 'live') return Array.from({ length: count }, () => 'IN_PROGRESS');
  if ('data' in view && view.data !== undefined) return Outcome.parse(view.data);
  // The whole job broke, so no image has a reason of its own.
  return Array.from({ length: count }, () => 'DETECTION_ENGINE_ERROR');
}

function statusOf(view: TaskView): string {
  switch (view.state) {
    case 'live':
      return view.status;
    case 'completed':
      return view.status ?? GOOD;
    default:
      return 'COMPLETED_ALL_ERROR';
  }
}

/** Nothing is served there: it only looks like the address that the specification shows. */
function proxyUrlOf(jobId: string, index: number): string {
  return `https://api.quickpix.io/images/${jobId}-${index}`;
}

/** The images as they are shown, what was sent for them, and how each came out. */
function imagesOf(task: TaskFacts, view: TaskView): JobImage[] {
  const statuses = imageStatusesOf(task, view);
  const inputs = task.submission.inspectedImages ?? [];
  return Notes.parse(task.submission.notes).ids.map(({ url, customId }, index) => {
    const proxyUrl = proxyUrlOf(task.id, index);
    const shown = {
      id: `${task.id}-${index}`,
      // ASSUMPTION: an image that was sent inline has the proxy's address for its own.
      url: url ?? proxyUrl,
      proxyUrl,
      ...(customId !== undefined && { customId }),
    };
    return { shown, input: inputs[index] ?? '', status: statuses[index] };
  });
}

/** An array for detect, a single object for match. */
function jobResults(task: TaskFacts, images: readonly JobImage[], isDone: boolean): unknown {
  const { classes = [], target } = Notes.parse(task.submission.notes);
  if (target) {
    // A match says which image, and not how sure it is.
    const best = isDone ? bestImage(images, target.class) : undefined;
    return { target, hitl: false, ...(best && { image: best.shown }) };
  }
  if (!isDone) return [];
  return classes.map(({ class: name, verify }) => {
    const best = bestImage(images, name);
    const image = best && { ...best.shown, confidence: best.confidence };
    return { class: name, hitl: verify === 'ALWAYS', ...(image && { image }) };
  });
}

/** The job object: what a submit, a poll, a search and the webhook all show. */
export function jobBody(task: TaskFacts, view: TaskView): Record<string, unknown> {
  const { customId, feedId, classes = [], target } = Notes.parse(task.submission.notes);
  const { webhookUrl } = task.submission;
  const images = imagesOf(task, view);
  return {
    id: task.id,
    createdAt: task.acceptedAtMs,
    status: statusOf(view),
    // What was not given is left out.
    ...(customId !== undefined && { customId }),
    ...(feedId !== undefined && { feedId }),
    ...(webhookUrl !== undefined && { webhookUrl }),
    jobResults: jobResults(task, images, view.state !== 'live'),
    imageResults: images.map((image) => ({
      ...image.shown,
      status: image.status,
      ...(!target && { objects: objectsIn(image, classes) }),
    })),
  };
}
