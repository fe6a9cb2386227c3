/** What the demo asks each provider for, given the URLs of two pictures. */
export interface DemoRequest {
  readonly model: string;
  readonly input: (person: string, garment: string) => Record<string, unknown>;
}

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
    input: (person) => ({ images: [person], classes: [{ class: 'person' }] }),
  },
  fitroom: tryOn('tryon', { clothType: 'upper' }),
  segmind: tryOn('try-on-diffusion-sync'),
  'tryon-api': tryOn('tryon'),
  replicate: tryOn('google/nano-banana'),
  fal: tryOn('fal-ai/fashn/tryon/v1.6'),
};
