import { CatwalkError, Defect, InvalidRequest, Terminal } from './errors.ts';

/**
 * Why a job failed, as the queue keeps it: one line of text, which begins with a code for programs.
 * The sentence after it is for people, and nothing reads it. This is the one place that writes such
 * a line and takes it apart.
 */
export interface JobFailure {
  readonly code: string;
  readonly sentence: string;
}

/** The payload does not have the shape of its queue. */
export const UNREADABLE: JobFailure = {
  code: 'unreadable',
  sentence: 'The job does not have the shape of its queue.',
};

/** Something that is none of our errors: an app's own handler, Redis, or a bug. */
export const HANDLER_ERROR = 'handler_error';

const CODE = /^([a-z][a-z0-9_]{2,39}): /;

/** What an error makes of the job that met it. */
export function jobFailure(error: unknown): JobFailure {
  const sentence = error instanceof Error ? error.message : String(error);
  return { code: codeOf(error), sentence };
}

/** The line that the queue keeps. */
export function failureLine({ code, sentence }: JobFailure): string {
  const line = `${code}: ${sentence}`;
  // An adapter of somebody's own may have a code that is none.
  return CODE.test(line) ? line : `${HANDLER_ERROR}: ${line}`;
}

/** The code of such a line; undefined when another release, or BullMQ itself, wrote it. */
export function codeIn(line: string): string | undefined {
  return CODE.exec(line)?.[1];
}

/** Whether no retry can mend it. */
export function isFinalTrouble(error: unknown): error is Defect | Terminal | InvalidRequest {
  return error instanceof Defect || error instanceof Terminal || error instanceof InvalidRequest;
}

function codeOf(error: unknown): string {
  // Whichever invariant broke: which one is for the sentence.
  if (error instanceof Defect) return 'defect';
  if (isFinalTrouble(error)) return error.code;
  return (error instanceof CatwalkError && error.met) || HANDLER_ERROR;
}
