import type { Logger } from '../../config/log.ts';
import type { GenerationEvent } from '../../generation/events.ts';
import { type Generation, isFinal } from '../../generation/generation.ts';

/** Which generation a log line is about, and whose. */
export function about({ id, provider, tenant }: Generation) {
  return { generation: id, provider, tenant };
}

/** Logs a move: one `info` line for the one that `ends` a generation, `debug` for any other. */
export function reportMove(
  log: Logger,
  generation: Generation,
  event: GenerationEvent,
  ends: boolean,
): void {
  const line = { ...about(generation), event: event.type, to: generation.state };
  if (!ends && event.type === 'observed-final' && 'late' in generation && generation.late) {
    const { via, outcome } = generation.late;
    log.info({ ...line, via, late: outcome.verdict }, 'late result');
    return;
  }
  if (!isFinal(generation) || !ends) {
    log.debug(line, 'moved');
    return;
  }
  const { attempt, via, polls, finishedAt, createdAt } = generation;
  const reason = generation.state === 'completed' ? undefined : generation.reason.code;
  const durationMs = finishedAt - createdAt;
  log.info({ ...line, reason, via, attempt, polls, durationMs }, 'generation finished');
}
