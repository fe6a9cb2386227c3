import { randomUUID } from 'node:crypto';
import type { Dialect } from '../../contract/dialect.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { USUAL_STATUSES } from '../refusal-statuses.ts';
import { taskBody } from './answers.ts';
import { checkInput, checkProblem, clothesTypeIn, typesIn } from './input-checks.ts';
import { readSubmission } from './submission.ts';

// Facts: FitRoom, the developer site's introduction (wins on conflict) and what several public
// client programs agree on, read 2026-11-20. What nobody says is marked ASSUMPTION.

/** ASSUMPTION: a task can be asked about for a day; only the link's life is said to be short. */
const KEEPS_TASKS_FOR_MS = 24 * 60 * 60 * 1000;
/** Documented by clients: 400, 402 and 429. ASSUMPTION: the rest, and the message in `error`. */
function refuse({ reason, message }: Refusal): Reply {
  return { status: USUAL_STATUSES[reason], body: { error: message } };
}

/** FitRoom: multipart only, poll only, two garments as a combo. */
export const fitroom: Dialect = {
  name: 'fitroom',
  liveStatuses: ['CREATED', 'PROCESSING'],
  finalStatuses: { completed: 'COMPLETED', failed: 'FAILED' },
  refundsFailures: false, // Unknown; keeping the money is the stricter test.
  startingCredits: 1_000_000,
  defaultSecret: '',
  switches: {
    'error-field': ['error', 'error_message'],
    // What the checks take every picture for; nobody looks at it here.
    'clothes-type': ['unsaid', 'upper', 'lower', 'full'],
    'input-checks': ['pass', 'refuse'],
  },
  keepsTasksForMs: KEEPS_TASKS_FOR_MS,
  newTaskId: () => randomUUID(),
  readKey: (request) => request.get('x-api-key') || undefined,
  refuse,
  mount(router, provider) {
    router.post(
      '/api/tryon/v2/tasks',
      provider.submit(readSubmission, (task) => ({
        status: 200,
        body: { task_id: task.id, status: 'CREATED' },
      })),
    );
    router.get(
      '/api/tryon/v2/tasks/:id',
      provider.poll((task, view) => ({ status: 200, body: taskBody(task, view, provider) })),
    );
    router.post(
      '/api/tryon/input_check/v1/model',
      checkInput(provider, (problem) => ({
        is_good: problem === undefined,
        good_clothes_types: problem === undefined ? typesIn(provider) : [],
        ...checkProblem(problem),
      })),
    );
    router.post(
      '/api/tryon/input_check/v1/clothes',
      checkInput(provider, (problem) => ({
        is_clothes: problem === undefined,
        clothes_type: problem === undefined ? clothesTypeIn(provider) : null,
        ...checkProblem(problem),
      })),
    );
  },
};
