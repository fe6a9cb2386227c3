import type { RequestListener } from 'node:http';
import express, { type Express, type Request, type Router } from 'express';
import helmet from 'helmet';
import type { Redis } from 'ioredis';
import type { Logger } from '../config/log.ts';
import type { PollProfileChanges } from '../config/poll-profiles.ts';
import type { ShowResults } from '../generation/kept-result.ts';
import type { OwnSecrets } from '../outbound/derived-keys.ts';
import type { Enqueue } from '../producers/enqueue.ts';
import type { ReceiveWebhook } from '../producers/receive-webhook.ts';
import type { RequestGeneration } from '../producers/request-generation.ts';
import type { ProviderAdapter } from '../providers/provider.ts';
import type { OpenCircuit } from '../store/circuit.ts';
import type { Store } from '../store/store.ts';
import type { Usage } from '../store/usage.ts';
import { createEraseResults } from '../vault/erase-results.ts';
import type { Vault } from '../vault/vault.ts';
import { identityOnly } from './bodies.ts';
import { BOARD_PATH } from './bull-board.ts';
import { boardLogin } from './credentials.ts';
import { errorResponse, notFound } from './error-response.ts';
import type { KnownLimits } from './known-limits.ts';
import { createLoginThrottle } from './login-throttle.ts';
import { requestLog } from './request-log.ts';
import { ACCOUNTS_PATH, accountRoutes } from './routes/accounts.ts';
import { callbackSecretRoutes } from './routes/callback-secret.ts';
import { type CallbackEndpoints, callbackRoutes } from './routes/callbacks.ts';
import { catalogueRoutes } from './routes/catalogue.ts';
import { fileRoutes } from './routes/files.ts';
import { generationRoutes } from './routes/generations.ts';
import { healthRoutes } from './routes/health.ts';
import { erasureRoutes, resultRoutes } from './routes/results.ts';
import { usageRoutes } from './routes/usage.ts';
import { webhookRoutes } from './routes/webhooks.ts';

/** Everything the web side answers with, made elsewhere. */
export interface AppParts {
  readonly redis: Redis;
  readonly store: Store;
  readonly enqueue: Enqueue;
  readonly requestGeneration: RequestGeneration;
  readonly receiveWebhook: ReceiveWebhook;
  readonly providers: ReadonlyMap<string, ProviderAdapter>;
  readonly tenantOf: (request: Request) => string;
  readonly secrets: OwnSecrets;
  readonly publicUrl: string | undefined;
  readonly filesFolder: string;
  /** Where results are kept; undefined where none are. */
  readonly vault: Vault | undefined;
  readonly showResults: ShowResults;
  readonly pollProfiles: PollProfileChanges;
  /** The models of a provider whose submissions wait, and until when (Unix ms) at least. */
  readonly openCircuits: (provider: string) => Promise<Readonly<Record<string, OpenCircuit>>>;
  /** How long no submission of a provider starts (ms); not above 0: none is held. */
  readonly heldForMs: (provider: ProviderAdapter) => Promise<number>;
  readonly usage: Usage;
  readonly quotaOf: (provider: ProviderAdapter) => Promise<KnownLimits>;
  readonly callbackEndpoints: CallbackEndpoints;
  readonly now: () => number;
  readonly limits: { readonly maxBodyBytes: number; readonly maxWebhookBytes: number };
  /** Which proxies' word on a caller's address is taken, as Express takes it; none when left out. */
  readonly trustProxy?: number | readonly string[] | undefined;
  readonly board?: { readonly router: Router; readonly user: string; readonly password: string };
  readonly log: Logger;
}

/** The web application. Webhooks come before anything that could touch their bytes. */
export function createApp(parts: AppParts): RequestListener {
  const app = createPages(parts);
  return (request, response) => {
    // Express passes a target without a path by every layer, and answers a page of its own.
    if (!HAS_PATH.test(request.url ?? '')) request.url = `/${request.url}`;
    app(request, response);
  };
}

/** As nearly all send it, or with the origin before it, as to a proxy. */
const HAS_PATH = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]+)?\//i;

function createPages(parts: AppParts): Express {
  const { log, limits, board } = parts;
  const app = express();
  app.disable('x-powered-by');
  // Answers change with every look; hashing each for an ETag would be work for nothing.
  app.disable('etag');
  app.set('trust proxy', parts.trustProxy ?? false);
  app.use(helmet({ contentSecurityPolicy: { directives: CONTENT_POLICY } }));
  app.use(requestLog(log));
  app.use(identityOnly);

  app.use('/', healthRoutes(parts.redis, parts.now));
  app.use('/webhooks', webhookRoutes({ ...parts, maxBodyBytes: limits.maxWebhookBytes }));
  if (parts.vault) useVault(app, parts, parts.vault);
  app.use('/v1/generations', generationRoutes({ ...parts, maxBodyBytes: limits.maxBodyBytes }));
  app.use('/v1/callback-secret', callbackSecretRoutes(parts));
  app.use('/v1/usage', usageRoutes(parts));
  app.use('/v1/callbacks', callbackRoutes({ ...parts, maxBodyBytes: limits.maxBodyBytes }));
  app.use('/v1', catalogueRoutes(parts));
  app.use('/files', fileRoutes(parts.filesFolder));
  if (board) useBoard(app, parts, board);

  app.use(notFound);
  app.use(errorResponse(log));
  return app;
}

/** What is the operator's alone. */
function useBoard(app: Express, parts: AppParts, board: NonNullable<AppParts['board']>): void {
  const login = boardLogin(board, createLoginThrottle(parts));
  app.use(BOARD_PATH, login, board.router);
  app.use(ACCOUNTS_PATH, login, accountRoutes(parts));
}

/** Our links to kept results, and their end. */
function useVault(app: Express, parts: AppParts, vault: Vault): void {
  const { tenantOf, filesFolder, secrets, now } = parts;
  const eraseResults = createEraseResults({ vault, filesFolder, secrets, now });
  app.use('/v1/results', resultRoutes({ ...parts, vault }));
  app.use('/v1/generations', erasureRoutes({ eraseResults, tenantOf }));
}

/** Nothing from third parties, not even Bull Board's fonts; plain http works inside a network. */
const CONTENT_POLICY = {
  'font-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'upgrade-insecure-requests': null,
};
