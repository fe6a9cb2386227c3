import { type Fixture, IMAGES, type Sample } from '../fixture.ts';

/** Segmind's requests, from the pages of its try-on models, read 2026-11-20. */

export const PICTURE = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

/** Two garments, for the one model that takes several. */
export const BOTH = [IMAGES.garment, IMAGES.second];

/** An answer that says what its body is. */
export const typed = (type: string, body: unknown) => ({ headers: { 'content-type': type }, body });

const input = { personImage: IMAGES.person, garmentImages: [IMAGES.garment] };
const diffusion = {
  model_image: IMAGES.person,
  cloth_image: IMAGES.garment,
  category: 'Upper body',
};
const idm = { human_img: IMAGES.person, garm_img: IMAGES.garment };
const sample = (model: string, more: object, json: object): Sample => ({
  model,
  input: { ...input, ...more },
  sends: { path: `/v2/${model}`, json },
});

export const SAMPLES: Fixture['samples'] = [
  sample('try-on-diffusion', {}, diffusion),
  sample(
    'try-on-diffusion',
    { category: 'lower-body', inferenceSteps: 35, guidanceScale: 2, seed: 12467 },
    {
      ...diffusion,
      category: 'Lower body',
      num_inference_steps: 35,
      guidance_scale: 2,
      seed: 12467,
    },
  ),
  {
    model: 'try-on-diffusion-sync',
    input: { ...input, category: 'dress', inferenceSteps: 20, guidanceScale: 2.5, seed: 1 },
    sends: {
      path: '/v1/try-on-diffusion',
      json: {
        ...diffusion,
        category: 'Dress',
        num_inference_steps: 20,
        guidance_scale: 2.5,
        seed: 1,
      },
    },
    inline: typed('image/png', PICTURE),
  },
  sample(
    'idm-vton',
    {
      category: 'upper-body',
      garmentDescription: 'Green colour semi Formal Blazer',
      inferenceSteps: 30,
      seed: 42,
      crop: false,
      forceDressCode: false,
      maskOnly: false,
    },
    {
      ...idm,
      category: 'upper_body',
      garment_des: 'Green colour semi Formal Blazer',
      steps: 30,
      seed: 42,
      crop: false,
      force_dc: false,
      mask_only: false,
    },
  ),
  sample('idm-vton', { category: 'dress' }, { ...idm, category: 'dresses' }),
  sample('idm-vton', {}, idm),
  sample(
    'p-image-try-on',
    {
      garmentImages: BOTH,
      seed: 12345,
      turbo: false,
      outputFormat: 'png',
      outputQuality: 95,
      preserveInputSize: false,
    },
    {
      person_image: IMAGES.person,
      garment_images: BOTH,
      seed: 12345,
      turbo: false,
      output_format: 'png',
      output_quality: 95,
      preserve_input_size: false,
    },
  ),
];
