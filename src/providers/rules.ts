import { NotKnownHere } from '../generation/errors.ts';
import type { Generation } from '../generation/generation.ts';
import type { PollProfile } from '../generation/poll-timing.ts';
import type { Rules } from '../generation/rules.ts';
import { keyWindowMs, type ModelType, type ProviderAdapter } from './provider.ts';

/**
 * Over and above the request timeout, before a send without an answer counts as lost. A worker that
 * was held up for longer between recording the intent and the call does not call any more.
 */
export const SEND_MARGIN_MS = 5_000;
/** And where the app's pictures are loaded first, by the loader's own limits. */
export const LOADING_MARGIN_MS = 45_000;

/** What rules are asked for: without an input, those of the model's usual timing. */
type Asked = Pick<Generation, 'provider' | 'model'> & Partial<Pick<Generation, 'input'>>;
export type RulesFor = (asked: Asked) => Rules;

/**
 * What the state machine must know, from the adapter's facts and the settings.
 * @throws NotKnownHere (from the function returned) for a provider or model this process does not know,
 *   for instance one that was switched off while generations for it were still open.
 */
export function createRules(
  providers: ReadonlyMap<string, ProviderAdapter>,
  settings: {
    /** The timing in force for one model; `recommended` is the provider's own advice. */
    pollProfile: (
      type: ModelType,
      model: { provider: string; name: string; recommended: Partial<PollProfile> | undefined },
    ) => PollProfile;
    submitTimeoutMs: number;
    unconfirmedGraceMs: number;
    checkPatienceMs: number;
    onUnknownOutcome: (provider: string) => 'fail' | 'resubmit';
  },
): RulesFor {
  const rules = new Map<string, (asked: Asked) => Rules>();

  for (const provider of providers.values()) {
    for (const [name, model] of Object.entries(provider.models)) {
      const profileWith = (recommended: Partial<PollProfile> | undefined) =>
        settings.pollProfile(model.type, { provider: provider.name, name, recommended });
      const usual: Rules = {
        repeatSubmit: provider.repeatSubmit.kind,
        keyWindowMs: keyWindowMs(provider),
        onUnknownOutcome: settings.onUnknownOutcome(provider.name),
        unconfirmedGraceMs: settings.unconfirmedGraceMs,
        sendOverdueMs:
          settings.submitTimeoutMs +
          SEND_MARGIN_MS +
          (provider.inputs === 'upload' ? LOADING_MARGIN_MS : 0),
        unansweredMs: settings.checkPatienceMs,
        canCancel: provider.cancel !== undefined,
        poll: profileWith(model.poll),
      };
      rules.set(`${provider.name}/${name}`, ({ input }) =>
        input && model.pollFor
          ? { ...usual, poll: profileWith({ ...model.poll, ...model.pollFor(input) }) }
          : usual,
      );
    }
  }

  return (asked) => {
    const { provider, model } = asked;
    const found = rules.get(`${provider}/${model}`);
    if (!found) throw new NotKnownHere(`${provider}/${model}: is the provider switched on here?`);
    return found(asked);
  };
}
