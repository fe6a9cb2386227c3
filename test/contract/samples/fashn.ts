import { IMAGES, type OtherInput, type Sample } from '../fixture.ts';

/**
 * FASHN's newer models, from its pages "Try-On Max", "Product to Model", "Model Swap" and "Image to
 * Video" and the API reference of its agent skill (github.com/fashn-AI/fashn-skill), read 2026-11-21.
 */

const { person, garment, second } = IMAGES;

const sample = (model: string, input: object, inputs: object): Sample => ({
  model,
  input: { ...input },
  sends: { path: '/v1/run', json: { model_name: model, inputs } },
});

export const NEWER: readonly Sample[] = [
  sample(
    'tryon-max',
    { personImage: person, garmentImages: [garment] },
    { model_image: person, product_image: garment },
  ),
  sample(
    'tryon-max',
    {
      personImage: person,
      garmentImages: [garment],
      prompt: 'roll up sleeves',
      aspectRatio: '21:9',
      generationMode: 'quality',
      resolution: '4k',
      numImages: 4,
      outputFormat: 'png',
      seed: 4_294_967_295,
    },
    {
      model_image: person,
      product_image: garment,
      prompt: 'roll up sleeves',
      aspect_ratio: '21:9',
      generation_mode: 'quality',
      resolution: '4k',
      num_images: 4,
      output_format: 'png',
      seed: 4_294_967_295,
    },
  ),
  sample(
    'product-to-model',
    {
      garmentImages: [garment],
      inspirationImage: second,
      faceImage: person,
      faceReferenceMode: 'match_base',
      prompt: 'studio background',
      aspectRatio: '3:4',
      generationMode: 'fast',
      resolution: '2k',
      outputFormat: 'jpeg',
      seed: 0,
    },
    {
      product_image: garment,
      image_prompt: second,
      face_reference: person,
      face_reference_mode: 'match_base',
      prompt: 'studio background',
      aspect_ratio: '3:4',
      generation_mode: 'fast',
      resolution: '2k',
      output_format: 'jpeg',
      seed: 0,
    },
  ),
  sample(
    'product-to-model',
    { garmentImages: [garment], personImage: person },
    { product_image: garment, model_image: person },
  ),
  sample(
    'model-swap',
    {
      personImage: person,
      prompt: 'Asian woman with blue hair',
      faceImage: second,
      faceReferenceMode: 'match_reference',
      aspectRatio: '2:3',
      generationMode: 'balanced',
      resolution: '1k',
      numImages: 2,
      outputFormat: 'png',
      seed: 7,
    },
    {
      model_image: person,
      prompt: 'Asian woman with blue hair',
      face_reference: second,
      face_reference_mode: 'match_reference',
      aspect_ratio: '2:3',
      generation_mode: 'balanced',
      resolution: '1k',
      num_images: 2,
      output_format: 'png',
      seed: 7,
    },
  ),
  sample(
    'image-to-video',
    {
      image: person,
      endImage: second,
      durationSeconds: 10,
      resolution: '1080p',
      prompt: 'raising hand to touch face',
      negativePrompt: 'shaking camera',
      seed: 7,
    },
    {
      image: person,
      end_image: second,
      duration: 10,
      resolution: '1080p',
      prompt: 'raising hand to touch face',
      negative_prompt: 'shaking camera',
      seed: 7,
    },
  ),
];

export const NEWER_REFUSES: readonly OtherInput[] = [
  ...[
    { resolution: '8k' },
    { generationMode: 'fast' },
    { aspectRatio: '1:2' },
    { numImages: 5 },
    { seed: -1 },
  ].map((input) => ({ model: 'tryon-max', input })),
  { model: 'product-to-model', input: { personImage: person } },
  { model: 'product-to-model', input: { garmentImages: [garment, second] } },
  { model: 'model-swap', input: { garmentImages: [garment] } },
  { model: 'model-swap', input: { personImage: undefined } },
  { model: 'image-to-video', input: { resolution: '720p' } },
  { model: 'image-to-video', input: { durationSeconds: 7 } },
];
