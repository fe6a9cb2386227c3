import type { Provider } from '../../contract/provider.ts';
import type { ServerSentEvent } from '../../contract/reply.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';
import { errorText, filesOf } from './output.ts';

// Facts: Replicate, "Streaming output", read 2026-11-21.

/** One prediction as an event stream: its files when they are there, an error, and that it is done. */
export async function* streamEvents(
  task: TaskFacts,
  views: AsyncIterable<TaskView>,
  provider: Provider,
): AsyncGenerator<ServerSentEvent> {
  let sequence = 0;
  const event = (name: string, data: string): ServerSentEvent => {
    const id = `${Math.floor(Date.now() / 1000)}:${sequence}`;
    sequence += 1;
    return { event: name, id, data };
  };
  for await (const view of views) {
    if (view.state === 'completed') {
      for (const file of await filesOf(task, view.resultUrls, provider))
        yield event('output', file);
      yield event('done', '{}');
    }
    if (view.state === 'canceled') yield event('done', JSON.stringify({ reason: 'canceled' }));
    if (view.state === 'failed') {
      yield event('error', JSON.stringify({ detail: errorText(view) }));
      yield event('done', JSON.stringify({ reason: 'error' }));
    }
  }
}
