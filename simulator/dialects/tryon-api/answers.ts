import type { Provider } from '../../contract/provider.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';

// Facts: as in dialect.ts.

/** ASSUMPTION: the codes. */
const ERROR_CODES = {
  'image-load': 'INVALID_IMAGE',
  moderation: 'CONTENT_MODERATION',
  generation: 'GENERATION_FAILED',
};

/** A job, as a poll and the webhook show it. */
export async function jobBody(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<unknown> {
  switch (view.state) {
    case 'live':
      return { jobId: task.id, status: view.status, message: 'The job is being processed.' };
    case 'completed': {
      // Which of the two comes is the provider's choice, at any time.
      const [picture] = provider.chosen('result') === 'base64' ? await provider.pictures(task) : [];
      return {
        jobId: task.id,
        status: 'completed',
        ...(picture
          ? { imageBase64: picture.toString('base64') }
          : { imageUrl: view.resultUrls[0] }),
        result: { objectKey: `results/${task.id}.png` },
      };
    }
    case 'failed': {
      const errorCode = ERROR_CODES[view.kind];
      const isInputsFault = view.kind === 'image-load';
      return {
        jobId: task.id,
        // Known from a client only: bad input ends in a word of its own.
        status: isInputsFault ? provider.chosen('bad-input-status') : 'failed',
        error: view.message,
        errorCode,
        result: { code: errorCode, message: view.message },
      };
    }
    case 'canceled':
      // Nothing here cancels a job; named to keep the switch whole.
      return { jobId: task.id, status: 'failed', error: 'Canceled.' };
  }
}
