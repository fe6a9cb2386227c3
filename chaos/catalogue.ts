import { DEMO_CATALOGUE, type DemoRequest } from '../rig/demo/catalogue.ts';
import type { ScenarioName } from '../simulator/index.ts';
import type { RepeatSubmit } from '../src/generation/rules.ts';

/** Every class of repeated submission there is, and every way to learn of the end. */
export const CHAOS_PROVIDERS = [
  'fitinview',
  'atelier',
  'image-intelligence',
  'fashn',
  'fal',
  'replicate',
  'vtryon',
  'segmind',
];
const CATALOGUE: Readonly<Record<string, DemoRequest>> = {
  ...DEMO_CATALOGUE,
  atelier: {
    model: 'dress',
    input: (person, garment) => ({ personImage: person, garmentImages: [garment] }),
  },
};
export const KNOWN_PROVIDERS = Object.keys(CATALOGUE);

/** What each provider is asked for. */
export function requestFor(provider: string): DemoRequest {
  const request = CATALOGUE[provider];
  if (!request) throw new Error(`Nobody knows what to ask ${provider} for.`);
  // Segmind's other way answers with the picture itself, so a lost answer is a lost picture.
  return provider === 'segmind' ? { ...request, model: 'try-on-diffusion' } : request;
}

/** What a provider can do about a repeated submission; a test compares it with the adapters. */
export function repeatSubmitOf(provider: string): RepeatSubmit {
  if (provider === 'fitinview') return 'idempotency-key';
  if (provider === 'atelier') return 'unique-reference';
  return provider === 'image-intelligence' ? 'search' : 'none';
}

/** Whose webhook carries our token, so that it tells of a submission whose answer was lost. */
const NAMES_THE_GENERATION = new Set(['fashn', 'fal', 'replicate', 'apixo']);

const EVERYWHERE = {
  ok: 50,
  'no-webhook': 6,
  'duplicate-webhook': 6,
  'late-webhook': 5,
  'webhook-before-reply': 5,
  'out-of-order-webhook': 4,
  'forged-signature': 5,
  moderation: 5,
  'unknown-status': 2,
  'odd-404': 4,
  'gateway-page': 3,
  'briefly-unknown': 3,
  'late-truth': 1,
  // Each holds the whole provider for a second or two.
  'rate-limited': 1.5,
  'concurrency-limited': 1.5,
};

export type PlannedScenario =
  | keyof typeof EVERYWHERE
  | Extract<ScenarioName, 'lost-reply' | 'server-errors' | 'html-error' | 'expired-token'>;

/**
 * In percent. Where no key, no search and no webhook can tell whether a submission was accepted, the
 * generation must end as `outcome_unknown`, and a person has to ask the provider: whatever we do, the
 * share that ends so is this one, and what was in flight when a worker was killed. As in life it is
 * rare, one gateway page in a thousand submissions.
 */
const UNDECIDABLE = 0.1;

/** How often each scenario is planned. */
export function scenarioWeights(provider: string): Record<PlannedScenario, number> {
  const isRecognised = repeatSubmitOf(provider) !== 'none';
  return {
    ...EVERYWHERE,
    'lost-reply': isRecognised || NAMES_THE_GENERATION.has(provider) ? 6 : UNDECIDABLE,
    'server-errors': isRecognised ? 3 : UNDECIDABLE,
    'html-error': isRecognised ? 3 : UNDECIDABLE,
    // It is told when to stop, and does: nothing is made that nobody waits for.
    'late-truth': provider === 'replicate' ? 0 : EVERYWHERE['late-truth'],
    'expired-token': provider === 'image-intelligence' ? 1 : 0,
  };
}
