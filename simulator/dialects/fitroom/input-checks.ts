import type { RequestHandler } from 'express';
import type { Provider } from '../../contract/provider.ts';
import { readForm } from '../multipart.ts';

// Facts: as in dialect.ts.

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
    response.json(answer(problem?.message));
  };
}

/** ASSUMPTION: the code's name. */
export function checkProblem(message: string | undefined): Record<string, string> {
  return message === undefined ? {} : { error_code: 'INVALID_IMAGE', message };
}
