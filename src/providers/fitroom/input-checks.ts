import { z } from 'zod';
import { Terminal } from '../../generation/errors.ts';
import type { HttpAnswer } from '../../outbound/http-client.ts';
import { explain, MODERATION_WORDS, reasonIn } from '../reasons.ts';
import { refusal } from '../refusal.ts';
import { LooseText } from '../wire-values.ts';
import { ApiError, errorText, type TryOnInput } from './wire.ts';

/**
 * FitRoom looks at a picture before anything is paid, where it is asked to: "Introduction" (read
 * 2026-11-21) names the two addresses, one for the person and one for a garment, and calls both
 * optional. ASSUMPTION: they cost nothing, and answer as public client programs read them.
 */

type ClothesType = 'upper' | 'lower' | 'full';

/** One picture, and what FitRoom should take it for. */
export interface InputCheck {
  readonly picture: string;
  readonly path: string;
  /**
   * The refusal in a good answer; undefined when the picture will do.
   * @throws Retryable for what is no answer.
   */
  refusalIn(answer: HttpAnswer): Terminal | undefined;
}

/** The checks of one submission: the person first, then the garments in their order. */
export function inputChecks({ personImage, garmentImages, clothType }: TryOnInput): InputCheck[] {
  const isPair = garmentImages.length === 2;
  const types: ClothesType[] = isPair ? ['upper', 'lower'] : [checkedType(clothType)];
  return [
    personCheck(personImage, types),
    ...garmentImages.map((picture, n) => garmentCheck(picture, types[n])),
  ];
}

/** The checks say `full` where the tasks say `full_set`. */
function checkedType(clothType: TryOnInput['clothType']): ClothesType {
  return clothType === 'upper' || clothType === 'lower' ? clothType : 'full';
}

const words = { error_code: LooseText, message: LooseText };
const PersonAnswer = z.object({
  is_good: z.boolean(),
  good_clothes_types: z.array(z.string()).nullish().catch(undefined),
  ...words,
});
const GarmentAnswer = z.object({ is_clothes: z.boolean(), clothes_type: LooseText, ...words });

function personCheck(picture: string, types: readonly ClothesType[]): InputCheck {
  return {
    picture,
    path: '/api/tryon/input_check/v1/model',
    refusalIn: (answer) => {
      const seen = answer.read(PersonAnswer);
      if (!seen.is_good) return refused(seen);
      const good = seen.good_clothes_types ?? [];
      const missing = types.find((type) => good.length > 0 && !good.includes(type));
      return missing && mismatch(`the person for ${good.join(', ')} garments`, missing);
    },
  };
}

/** One client reports that a task whose type does not fit its garment is never begun. */
function garmentCheck(picture: string, type: ClothesType | undefined): InputCheck {
  return {
    picture,
    path: '/api/tryon/input_check/v1/clothes',
    refusalIn: (answer) => {
      const seen = answer.read(GarmentAnswer);
      if (!seen.is_clothes) return refused(seen);
      const isOther = ['upper', 'lower', 'full'].some((one) => one === seen.clothes_type);
      if (!isOther || seen.clothes_type === type || type === undefined) return undefined;
      return mismatch(`the garment for ${seen.clothes_type}`, type);
    },
  };
}

function refused({ error_code, message }: { error_code?: unknown; message?: unknown }): Terminal {
  const said = [error_code, message].filter(Boolean).join(': ') || undefined;
  const isContent = reasonIn(said, MODERATION_WORDS) === 'content_policy';
  const reason = explain(isContent ? 'content_policy' : 'invalid_input', said);
  return new Terminal(reason.code, reason.message, { answered: true });
}

function mismatch(takesFor: string, asked: ClothesType): Terminal {
  const message = `FitRoom takes ${takesFor}, and ${asked} was asked for.`;
  return new Terminal('invalid_input', message, { answered: true });
}

/** Statuses that speak of the picture itself. */
const OF_THE_PICTURE = new Set([400, 413, 415, 422]);
/** There is no such check, any more or at this address; and a submission does without. */
const NO_CHECK = new Set([404, 405, 410, 501]);

/**
 * What became of one check: undefined when the picture may be paid for.
 * @throws Retryable when nothing was learned.
 */
export function verdictOf(check: InputCheck, answer: HttpAnswer): Terminal | undefined {
  if (answer.ok) return check.refusalIn(answer);
  if (NO_CHECK.has(answer.status)) return undefined;
  const said = errorText(answer.peek(ApiError));
  if (OF_THE_PICTURE.has(answer.status)) return refused({ message: said });
  throw refusal(answer, said);
}
