import { attemptOf, type Generation } from '../../generation/generation.ts';
import { attemptKey } from '../../generation/ids.ts';
import type { SubmitRequest } from '../../providers/provider.ts';

/** What an adapter is asked, the same at every send of one attempt. */
export function submitRequest(
  generation: Generation,
  webhookUrl: string | undefined,
): SubmitRequest {
  const { id, attempt } = attemptOf(generation);
  const prepared = 'prepared' in generation ? generation.prepared : undefined;
  return {
    model: generation.model,
    input: generation.input,
    idempotencyKey: attemptKey(id, attempt),
    webhookUrl,
    ...(prepared !== undefined && { prepared }),
  };
}
