import type { GenerationEvent } from '../../generation/events.ts';
import type { Generation } from '../../generation/generation.ts';

/** Something that happened to a generation, with the record where it has been read already. */
export interface Step {
  readonly id: Generation['id'];
  readonly event: GenerationEvent;
  readonly generation?: Generation;
}

export type Advanced =
  | { kind: 'moved'; generation: Generation }
  | { kind: 'ignored'; reason: string; generation: Generation }
  /** It would end the generation, so `completions` will decide it. */
  | { kind: 'forwarded' }
  | { kind: 'unknown-generation' }
  | { kind: 'failed'; error: unknown };
