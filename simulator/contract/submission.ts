import type { Drawing, ImageInput, OutputSize, PictureFormat } from './picture.ts';

/** A valid submit request in the engine's words. */
export interface Submission {
  /** Absent when nobody is to be dressed; then there are no result pictures either. */
  personImage?: ImageInput;
  garmentImages: ImageInput[];
  /** Images that are looked at one by one; what is wrong with them is left to `judge`. */
  inspectedImages?: ImageInput[];
  outputSize: OutputSize;
  /** What is done to the person's picture in place of dressing the person. */
  drawing?: Drawing;
  /** `png` unless told. */
  outputFormat?: PictureFormat;
  /** How many result images are asked for. */
  resultCount: number;
  creditCost: number;
  idempotencyKey?: string;
  webhookUrl?: string;
  /** Answer with a stock picture and do not look at the inputs, as sandbox keys do. */
  stockResult?: boolean;
  /** Whatever the dialect needs again when it describes the task. */
  notes: Readonly<Record<string, unknown>>;
}
