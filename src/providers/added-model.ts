import type { Model } from './provider.ts';
import type { LinksIn } from './result-links.ts';

/** A model of a catalogue provider that is described in a file, and not in code. */
export interface AddedModel extends Model {
  /** How the provider calls it; its name here unless said. */
  readonly providerModel?: string | undefined;
  /** An input in the provider's words. @throws Terminal `invalid_input` */
  wireInput(input: Record<string, unknown>): Record<string, unknown>;
  /** Where its results are; where the provider's usually are unless said. */
  readonly linksIn?: LinksIn | undefined;
}
