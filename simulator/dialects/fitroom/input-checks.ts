import type { RequestHandler } from 'express';
import type { Provider } from '../../contract/provider.ts';
import { readForm } from '../multipart.ts';

// Facts: as in dialect.ts.

/** What every picture is told that is to be refused. ASSUMPTION: the words. */
const REFUSAL = 'The picture is too dark.';

/** What a garment is taken for, if anything. */
export function clothesTypeIn(provider: Provider): string | null {
  const chosen = provider.chosen('clothes-type');
  return chosen === 'unsaid' ? null : chosen;
}

/** The garments that a person can try on. */
export function typesIn(provider: Provider): string[] {
  const only = clothesTypeIn(provider);
  return only === null ? ['upper', 'lower', 'full'] : [only];
}

/** ASSUMPTION: every readable picture is a good one; no model looks at it. */
export function checkInput(
  provider: Provider,
  answer: (problem: string | undefined) => Record<string, unknown>,
): RequestHandler {
  return async (request, response) => {
    const form = await readForm(request);
    const image = form?.onlyFile('input_image');
    if (!image) {
      response.status(400).json({ error: 'input_image must be one file.' });
      return;
    }
    const [problem] = await provider.inspect([image]);
    const refusal = provider.chosen('input-checks') === 'refuse' ? REFUSAL : undefined;
    response.json(answer(problem?.message ?? refusal));
  };
}

/** ASSUMPTION: the code's name. */
export function checkProblem(message: string | undefined): Record<string, string> {
  return message === undefined ? {} : { error_code: 'INVALID_IMAGE', message };
}
