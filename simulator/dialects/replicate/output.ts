import type { Provider } from '../../contract/provider.ts';
import type { TaskFacts, TaskView } from '../../contract/task.ts';

// Facts: as in dialect.ts.

/** ASSUMPTION: the model shows its progress with tqdm, whose lines the official SDK can read. */
export function logsOf(view: TaskView): string {
  const half = ' 50%|█████     | 2/4 [00:02<00:02,  1.00it/s]\n';
  if (view.state === 'live') return view.status === 'starting' ? '' : half;
  return view.state === 'completed'
    ? `${half}100%|██████████| 4/4 [00:04<00:00,  1.00it/s]\n`
    : half;
}

/** The shape of the output is the model's affair, so a switch says which it is today. */
export async function outputOf(
  task: TaskFacts,
  view: TaskView,
  provider: Provider,
): Promise<unknown> {
  if (view.state !== 'completed') return null;
  const files = await filesOf(task, view.resultUrls, provider);
  switch (provider.chosen('output')) {
    case 'list':
      return files;
    case 'object':
      return { image: files[0] ?? null };
    default:
      return files[0] ?? null;
  }
}

/**
 * The result files as the switch wants them named. Replicate's own links are https, and only those
 * and data URIs does its SDK turn into files; here they are http unless told, so that anything can
 * fetch them. `https`: as in production, for a caller that maps the hosts to the simulator.
 */
export async function filesOf(
  task: TaskFacts,
  links: readonly string[],
  provider: Provider,
): Promise<string[]> {
  switch (provider.chosen('files')) {
    case 'https':
      return links.map((link) => `https://replicate.delivery${new URL(link).pathname}`);
    case 'data': {
      const type = `image/${task.submission.outputFormat ?? 'png'}`;
      const pictures = await provider.pictures(task);
      return pictures.map((bytes) => `data:${type};base64,${bytes.toString('base64')}`);
    }
    default:
      return [...links];
  }
}

/** ASSUMPTION: failures are free text; only that they are is documented. */
export function errorText({ kind, message }: Extract<TaskView, { state: 'failed' }>): string {
  return kind === 'moderation' ? `NSFW content detected. ${message}` : message;
}
