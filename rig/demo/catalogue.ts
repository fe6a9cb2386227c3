/** What the demo asks each provider for, given the URLs of two pictures. */
export interface DemoRequest {
  readonly model: string;
  /** The example pictures that fit, where not each of them does. */
  readonly garments?: readonly string[];
  readonly input: (person: string, garment: string) => Record<string, unknown>;
}

export const GARMENTS = ['garment-shirt.png', 'garment-jacket.png', 'garment-dress.png'];
const UPPER_GARMENTS = ['garment-shirt.png', 'garment-jacket.png'];

const tryOn = (model: string, more: Record<string, unknown> = {}): DemoRequest => ({
  model,
  input: (person, garment) => ({ personImage: person, garmentImages: [garment], ...more }),
});

export const DEMO_CATALOGUE: Readonly<Record<string, DemoRequest>> = {
  fitinview: tryOn('tryon'),
  fashn: tryOn('tryon-v1.6'),
  apixo: tryOn('nano-banana'),
  vtryon: tryOn('tryon'),
  'image-intelligence': {
    model: 'detect',
    // Two, because a batch may succeed in part.
    input: (person, garment) => ({ images: [person, garment], classes: [{ class: 'person' }] }),
  },
  fitroom: { ...tryOn('tryon', { clothType: 'upper' }), garments: UPPER_GARMENTS },
  segmind: tryOn('try-on-diffusion-sync'),
  'tryon-api': tryOn('tryon'),
  replicate: tryOn('google/nano-banana'),
  fal: tryOn('fal-ai/fashn/tryon/v1.6'),
};
