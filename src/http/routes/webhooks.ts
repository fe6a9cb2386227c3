import { type Request, Router } from 'express';
import type { Logger } from '../../config/log.ts';
import { InvalidRequest } from '../../generation/errors.ts';
import { parseAttemptName } from '../../generation/ids.ts';
import { derivedKeys, type OwnSecrets, type UseKeys } from '../../outbound/derived-keys.ts';
import { verifyDeliveryToken } from '../../outbound/signature.ts';
import type { ReceiveWebhook, VerifiedDelivery } from '../../producers/receive-webhook.ts';
import { AdapterDefect } from '../../providers/adapter-defect.ts';
import {
  beliefIn,
  type Delivery,
  isAuthentic,
  type ProviderAdapter,
  type WebhookSupport,
} from '../../providers/provider.ts';
import { createBodyReader } from '../bodies.ts';
import { HttpError } from '../error-response.ts';
import { needingRedis } from '../unavailable.ts';

interface WebhookParts {
  readonly providers: ReadonlyMap<string, ProviderAdapter>;
  readonly receiveWebhook: ReceiveWebhook;
  readonly secrets: OwnSecrets;
  readonly maxBodyBytes: number;
  readonly log: Logger;
}

/**
 * `POST /:provider/:attempt/:token` for providers that take a URL per request, and
 * `POST /:provider` for those with one endpoint for the whole account.
 *
 * Token → body limit → exact raw bytes → signature → parse → one enqueue → exactly 200. Nothing is
 * parsed before it is verified, and nothing is answered 2xx before it is in Redis. Duplicates and
 * deliveries for generations we no longer know are answered 200 too: the provider cannot do anything
 * about them.
 */
export function webhookRoutes(parts: WebhookParts): Router {
  const { maxBodyBytes } = parts;
  const keys = derivedKeys('delivery', parts.secrets);
  const router = Router();
  // Anybody may send to an account-wide endpoint, so the room for those bodies is their own.
  const bodyWithToken = createBodyReader(maxBodyBytes);
  const bodyFromAnybody = createBodyReader(maxBodyBytes);

  // Admitted before the body is read: a stranger's body is not worth reading.
  router.post(
    '/:provider/:attempt/:token',
    (request, _response, next) => {
      admitWithToken(parts, keys, request);
      next();
    },
    bodyWithToken,
    async (request, response) => {
      await receive(parts, request, parseAttemptName(String(request.params['attempt'])));
      response.status(200).json({ received: true });
    },
  );

  router.post(
    '/:provider',
    (request, _response, next) => {
      admitToAccount(parts, request);
      next();
    },
    bodyFromAnybody,
    async (request, response) => {
      await receive(parts, request);
      response.status(200).json({ received: true });
    },
  );

  return router;
}

function admitWithToken(parts: WebhookParts, keys: UseKeys, request: Request): void {
  if (supportOf(parts, request).scope !== 'request') throw notAuthentic();
  const { provider, attempt, token } = request.params;
  const delivery = {
    provider: String(provider),
    attemptName: String(attempt),
    token: String(token),
  };
  if (!verifyDeliveryToken(keys.live, delivery)) throw notAuthentic();
}

function admitToAccount(parts: WebhookParts, request: Request): void {
  if (supportOf(parts, request).scope !== 'account') throw notAuthentic();
}

/** Resolves when the delivery is in Redis. @throws HttpError when it is not authentic. */
async function receive(
  parts: WebhookParts,
  request: Request,
  attempt?: VerifiedDelivery['attempt'],
): Promise<void> {
  const { receiveWebhook, log } = parts;
  const provider = String(request.params['provider']);
  const webhook = supportOf(parts, request);
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const headers = distinctHeaders(request);
  if (!(await isAuthentic(webhook, { headers, body }))) throw notAuthentic();

  const { taskId, observation } = readingOf(webhook, body, { provider, log });
  const delivery = { provider, taskId, observation, belief: beliefIn(webhook) };
  const where = await needingRedis(receiveWebhook({ ...delivery, ...(attempt && { attempt }) }));
  const says = observation?.kind;
  log.info({ generation: attempt?.id, provider, says, where }, 'webhook received');
}

/**
 * What an adapter reads wrongly is for somebody to look at. If it names its task at least, that is
 * checked; else it is refused as malformed, so that the provider sends it again and the poll learns
 * it meanwhile.
 */
function readingOf(
  webhook: WebhookSupport,
  body: Buffer,
  { provider, log }: { provider: string; log: Logger },
): Pick<VerifiedDelivery, 'taskId' | 'observation'> {
  try {
    return webhook.read(body);
  } catch (err) {
    if (!(err instanceof AdapterDefect)) throw err;
    log.error({ provider, err }, 'webhook not understood');
    if (err.task) return { taskId: err.task.id, observation: undefined };
    throw new InvalidRequest('malformed_webhook', 'The body cannot be understood');
  }
}

function supportOf({ providers }: WebhookParts, request: Request): WebhookSupport {
  const webhook = providers.get(String(request.params['provider']))?.webhook;
  if (webhook) return webhook;
  throw new HttpError(404, 'unknown_provider', 'No provider of this name sends webhooks here.');
}

/**
 * A header that came more than once is a list. Node would join its values with commas, and some of
 * what is joined so would pass for one signature.
 */
function distinctHeaders({ headersDistinct }: Request): Delivery['headers'] {
  const entries = Object.entries(headersDistinct).map(([name, values = []]) => {
    return [name, values.length === 1 ? values[0] : values] as const;
  });
  return Object.fromEntries(entries);
}

function notAuthentic(): HttpError {
  return new HttpError(401, 'not_authentic', 'The token or signature is missing or wrong.');
}
