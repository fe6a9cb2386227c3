import type { Request } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { HttpUrl, invalid } from '../inputs.ts';
import { SAVED_PATTERN } from './inputs.ts';
import { MODELS, UNSUPPORTED_MODELS } from './models.ts';

// Facts: as in dialect.ts.

const Body = z.object({ model_name: z.string(), inputs: z.unknown() });

/** What a task keeps of its request. */
export const Notes = z.object({ returnsBase64: z.boolean(), fault: z.string().optional() });

/** Why the model cannot be run here. */
function noSuchModel(name: string): Refusal {
  const why = UNSUPPORTED_MODELS.get(name);
  const known = `It does ${[...MODELS.keys()].join(', ')}.`;
  return {
    reason: 'invalid',
    message: why
      ? `${name} is not supported by the simulator: ${why}. ${known}`
      : `There is no model of that name here. ${known}`,
  };
}

/** Reads a run of any model. */
export function readSubmission(request: Request, provider: Provider): Submission | Refusal {
  const body = Body.safeParse(request.body);
  if (!body.success) return invalid(body.error);
  const model = MODELS.get(body.data.model_name);
  if (!model) return noSuchModel(body.data.model_name);
  const parsed = z.object({ inputs: model }).safeParse(body.data);
  if (!parsed.success) return invalid(parsed.error);
  // The webhook travels in the query of the submit, not in its body.
  const webhook = HttpUrl.optional();
  const webhookUrl = webhook.safeParse(request.query['webhook_url']);
  if (!webhookUrl.success) return { reason: 'invalid', message: 'webhook_url must be a URL.' };

  const { personImage, returnsBase64, fault, ...wish } = parsed.data.inputs;
  return {
    ...wish,
    personImage: addressOf(personImage, provider),
    notes: { returnsBase64, fault },
    ...(webhookUrl.data !== undefined && { webhookUrl: webhookUrl.data }),
  };
}

/** A saved model is a picture in the assets; one that is not there cannot be loaded. */
function addressOf(image: string, provider: Provider): string {
  const [, name] = SAVED_PATTERN.exec(image) ?? [];
  return name === undefined ? image : new URL(`/assets/${name}.png`, provider.url('/')).href;
}
