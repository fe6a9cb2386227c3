import type { Request } from 'express';
import type { ImageInput } from '../contract/picture.ts';
import type { Submission } from '../contract/submission.ts';
import { directivesOf } from './directives.ts';

function imagesOf(submission: Submission): ImageInput[] {
  const { personImage, garmentImages, inspectedImages = [] } = submission;
  return [
    ...(personImage === undefined ? [] : [personImage]),
    ...garmentImages,
    ...inspectedImages,
  ];
}

/** The `x-simulate` header, or `simulate` in the query of the first image URL that has one. */
export function requestedScenario(request: Request, submission: Submission): string | undefined {
  return request.get('x-simulate') ?? directive(submission, 'simulate');
}

/** The first value that an input image carries under the name. */
export function directive(submission: Submission, name: 'simulate' | 'marker'): string | undefined {
  for (const image of imagesOf(submission)) {
    const value = directivesOf(image)?.get(name);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}
