import { z } from 'zod';
import { Image, inputs, type ModelRequest, Seed, Words } from './inputs.ts';

// Facts: FASHN, "Image to Video", and the API reference of FASHN's agent skill, read 2026-11-21.

/** The shorter side of each resolution, and documented: what five seconds of it cost. */
const RESOLUTIONS = {
  '480p': { px: 480, credits: 1 },
  '720p': { px: 720, credits: 3 },
  '1080p': { px: 1080, credits: 6 },
} as const;
const LONGER_SIDE = 16 / 9;

/** `image-to-video`: the picture, while the camera comes closer; an end picture is cut to. */
export const ImageToVideo = inputs({
  image: Image,
  end_image: Image.optional(),
  duration: z.literal([5, 10]).default(5),
  resolution: z.enum(['480p', '720p', '1080p']).default('1080p'),
  prompt: Words,
  negative_prompt: Words,
  seed: Seed,
}).transform((body): ModelRequest => {
  const { px, credits } = RESOLUTIONS[body.resolution];
  const side = Math.round(px * LONGER_SIDE);
  const isTooSmall = body.end_image !== undefined && body.resolution !== '1080p';
  return {
    outputFormat: 'mp4',
    returnsBase64: false,
    personImage: body.image,
    garmentImages: body.end_image === undefined ? [] : [body.end_image],
    outputSize: { widthPx: side, heightPx: side, fit: 'inside' },
    drawing: { kind: 'film', seconds: body.duration },
    resultCount: 1,
    creditCost: credits * (body.duration / 5),
    ...(isTooSmall && { fault: 'end_image requires resolution 1080p.' }),
  };
});
