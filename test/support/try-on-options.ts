interface Options {
  readonly category: 'tops' | 'bottoms' | 'one-pieces';
  readonly mode: 'performance' | 'balanced' | 'quality';
  readonly garmentPhotoType: 'model' | 'flat-lay';
  readonly moderationLevel: 'conservative' | 'permissive';
  readonly segmentationFree: boolean;
  readonly seed: number;
  readonly numSamples: number;
  readonly outputFormat: 'png' | 'jpeg';
}

/** Options of tryon-v1.6, and how FASHN and fal both write them. */
const spelled = (ours: Options) => ({
  ours,
  theirs: {
    category: ours.category,
    mode: ours.mode,
    garment_photo_type: ours.garmentPhotoType,
    moderation_level: ours.moderationLevel,
    segmentation_free: ours.segmentationFree,
    seed: ours.seed,
    num_samples: ours.numSamples,
    output_format: ours.outputFormat,
  },
});

/** Every option that the model has. */
export const EVERY_OPTION = spelled({
  category: 'one-pieces',
  mode: 'quality',
  garmentPhotoType: 'flat-lay',
  moderationLevel: 'permissive',
  segmentationFree: false,
  seed: 3,
  numSamples: 4,
  outputFormat: 'jpeg',
});

/** The same with another value of each. */
export const OTHER_VALUES = spelled({
  category: 'bottoms',
  mode: 'performance',
  garmentPhotoType: 'model',
  moderationLevel: 'conservative',
  segmentationFree: true,
  seed: 5,
  numSamples: 2,
  outputFormat: 'png',
});
