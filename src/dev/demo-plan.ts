import { type DemoOptions, DemoUsageError } from './demo-options.ts';

/** One generation that the demo asks for. */
export interface Plan {
  readonly title: string;
  readonly provider: string;
  readonly model: string;
  readonly scenario: string;
  readonly input: { personImage: string; garmentImages: string[] };
}

const MODELS: Readonly<Record<string, string>> = { fitinview: 'tryon', fashn: 'tryon-v1.6' };
const GARMENTS = ['garment-shirt.png', 'garment-jacket.png', 'garment-dress.png'];

const THREE_ENDINGS = [
  { title: 'its webhook tells', provider: 'fitinview', scenario: 'ok' },
  { title: 'no webhook: a poll finds out', provider: 'fashn', scenario: 'no-webhook' },
  { title: 'refused by moderation', provider: 'fashn', scenario: 'moderation' },
];

/**
 * What to ask for.
 * @param assetsUrl where the example pictures are, for simulated providers.
 * @throws DemoUsageError naming the flag that is wrong or missing.
 */
export function planDemo(options: DemoOptions, assetsUrl: string | undefined): Plan[] {
  if (!assetsUrl && !(options.person && options.garment)) {
    throw new DemoUsageError(
      'A real provider must be able to load the pictures: give --person and --garment as https URLs.',
    );
  }
  if (options.provider && !MODELS[options.provider]) {
    throw new DemoUsageError(`--provider: use one of ${Object.keys(MODELS).join(', ')}`);
  }

  const isTour = assetsUrl && !options.count && !options.provider && !options.scenario;
  const wanted = isTour
    ? THREE_ENDINGS
    : Array.from({ length: options.count ?? 1 }, (_, index) => ({
        title: '',
        provider: options.provider ?? (index % 2 === 0 ? 'fitinview' : 'fashn'),
        scenario: options.scenario ?? 'ok',
      }));

  return wanted.map((item, index) => {
    const garment = GARMENTS[index % GARMENTS.length] ?? '';
    const how = `?simulate=${item.scenario}&n=${index}`;
    return {
      ...item,
      model: MODELS[item.provider] ?? '',
      input: {
        personImage: options.person ?? `${assetsUrl}/person.png${how}`,
        garmentImages: [options.garment ?? `${assetsUrl}/${garment}`],
      },
    };
  });
}
