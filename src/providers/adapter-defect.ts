import { Defect } from '../generation/errors.ts';
import type { ProviderTask } from '../generation/generation.ts';

/**
 * An adapter answered what no adapter may. It fails the one step that asked; `code` names the
 * adapter and the call, as `adapter_defect.acme.check`. Messages say which part is wrong and why,
 * never the value.
 */
export class AdapterDefect extends Defect {
  override readonly code: string;
  /** What could be understood all the same: the task that is spoken of. */
  readonly task: ProviderTask | undefined;

  constructor(
    provider: string,
    call: string,
    why: string,
    options: { task?: ProviderTask | undefined; cause?: unknown } = {},
  ) {
    super(`The adapter of ${provider}, asked to ${call}: ${why}`, { cause: options.cause });
    this.code = `adapter_defect.${provider}.${call}`;
    this.task = options.task;
  }
}
