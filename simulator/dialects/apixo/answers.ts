import type { Provider } from '../../contract/provider.ts';
import type { FailureKind, TaskFacts, TaskView } from '../../contract/task.ts';

// Facts: as in dialect.ts.

/** The two vocabularies. ASSUMPTION: the newer words for failures that are not about content. */
const FAIL_CODES: Record<string, Record<FailureKind, string>> = {
  capitals: {
    'image-load': 'IMAGE_DOWNLOAD_FAILED',
    moderation: 'CONTENT_VIOLATION',
    generation: 'GENERATION_FAILED',
  },
  'camel-case': {
    'image-load': 'ImageDownloadFailed',
    moderation: 'InputOutputSensitiveContentDetected',
    generation: 'GenerationFailed',
  },
};

/** What every good answer is wrapped in. */
export function envelope(data: unknown): { code: number; message: string; data: unknown } {
  return { code: 200, message: 'success', data };
}

/** A failed task, too, is a success of the call that asks about it. */
export function statusBody(task: TaskFacts, view: TaskView, provider: Provider): unknown {
  const completeTime = task.finishedAtMs ?? Date.now();
  const facts = { taskId: task.id, createTime: task.acceptedAtMs };
  switch (view.state) {
    case 'live':
      return envelope({ ...facts, state: view.status });
    case 'completed': {
      const resultJson = JSON.stringify({ resultUrls: view.resultUrls });
      const costTime = completeTime - task.acceptedAtMs;
      return envelope({ ...facts, state: 'success', resultJson, costTime, completeTime });
    }
    case 'failed': {
      const failCode = FAIL_CODES[provider.chosen('fail-codes')]?.[view.kind];
      return envelope({ ...facts, state: 'failed', failCode, failMsg: view.message, completeTime });
    }
    case 'canceled':
      // Nothing here cancels a task; named to keep the switch whole.
      return envelope({ ...facts, state: 'failed', completeTime });
  }
}
