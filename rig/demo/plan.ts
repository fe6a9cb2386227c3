import { UsageError } from '../flags.ts';
import { DEMO_CATALOGUE, GARMENTS } from './catalogue.ts';
import type { DemoOptions } from './options.ts';

/** One generation that the demo asks for. */
export interface Plan {
  readonly title: string;
  readonly provider: string;
  readonly model: string;
  /** How the simulated provider shall behave. */
  readonly scenario: string;
  readonly input: Record<string, unknown>;
}

const THREE_ENDINGS = [
  { title: 'its webhook tells', provider: 'fitinview', scenario: 'ok' },
  { title: 'no webhook: a poll finds out', provider: 'fashn', scenario: 'no-webhook' },
  { title: 'refused by moderation', provider: 'fashn', scenario: 'moderation' },
];

/**
 * What to ask for.
 * @param assetsUrl where the example pictures are, for simulated providers.
 * @throws UsageError naming the flag that is wrong or missing.
 */
export function planDemo(options: DemoOptions, assetsUrl: string | undefined): Plan[] {
  if (!assetsUrl && !(options.person && options.garment)) {
    throw new UsageError(
      'A real provider must be able to load the pictures: give --person and --garment as https URLs.',
    );
  }
  if (!assetsUrl && options.scenario) {
    throw new UsageError('--scenario: only simulated providers play one; unset their keys.');
  }
  return wanted(options, assetsUrl !== undefined).map((item, index) => {
    const request = DEMO_CATALOGUE[item.provider];
    if (!request) {
      const known = Object.keys(DEMO_CATALOGUE).join(', ');
      throw new UsageError(`--provider: use one of ${known}`);
    }
    // A picture of its own for each: providers without idempotency keys know a request by its input.
    // It also tells a simulated provider how to behave for this one.
    const play = item.scenario === 'ok' ? '' : `&simulate=${item.scenario}`;
    const person = options.person ?? `${assetsUrl}/person.png?n=${index}${play}`;
    const garments = request.garments ?? GARMENTS;
    const garment = options.garment ?? `${assetsUrl}/${garments[index % garments.length]}`;
    return { ...item, model: request.model, input: request.input(person, garment) };
  });
}

function wanted(
  options: DemoOptions,
  simulated: boolean,
): { title: string; provider: string; scenario: string }[] {
  const { all, count, provider } = options;
  const scenario = options.scenario ?? 'ok';
  if (all) {
    const providers = provider ? [provider] : Object.keys(DEMO_CATALOGUE);
    return providers.map((name) => ({ title: '', provider: name, scenario }));
  }
  if (simulated && !count && !provider && !options.scenario) return THREE_ENDINGS;
  return Array.from({ length: count ?? 1 }, (_, index) => ({
    title: scenario === 'ok' ? '' : scenario,
    provider: provider ?? (index % 2 === 0 ? 'fitinview' : 'fashn'),
    scenario,
  }));
}
