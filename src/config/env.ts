import { z } from 'zod';
import { callbackVariables } from './callback-variables.ts';
import { memoryVariables } from './memory-variables.ts';
import { PollProfileChange } from './poll-profiles.ts';
import { tenantVariables } from './tenant-variables.ts';
import {
  described,
  flag,
  isExample,
  jsonObject,
  list,
  moments,
  optionalText,
  trustedProxies,
  webUrl,
  wholeNumber,
} from './variables.ts';
import { vaultVariables } from './vault-variables.ts';

const DAY_MS = 24 * 3_600_000;

/** The built-in providers. A test keeps this list equal to the registry's. */
export const PROVIDER_NAMES = [
  'fitinview',
  'fashn',
  'apixo',
  'vtryon',
  'image-intelligence',
  'fitroom',
  'segmind',
  'tryon-api',
  'replicate',
  'fal',
] as const;

const WORKER_ROLES = ['submit', 'poll', 'completion', 'subscribers', 'vault'] as const;
export type WorkerRole = (typeof WORKER_ROLES)[number];

function isRedisUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, pathname } = new URL(url);
  return protocol === 'unix:' || (/^rediss?:$/.test(protocol) && /^\/?\d*$/.test(pathname));
}

/** Every environment variable, once. Documentation, `.env.example` and the summary come from here. */
export const Environment = z.object({
  NODE_ENV: described(z.enum(['development', 'test', 'production']).default('development'), {
    about: '`production` allows only https image and callback URLs, and insists on secrets.',
  }),
  LOG_LEVEL: described(z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'), {
    about: 'How much is logged, as JSON lines on standard output.',
  }),

  REDIS_URL: described(
    optionalText.refine(
      (url) => url === undefined || isRedisUrl(url),
      'must be redis://, rediss:// (each with a number as its path, if any) or unix:///',
    ),
    {
      about: 'The Redis to use. `npm run dev`, `demo` and `test` start their own when it is unset.',
      secret: true,
      example: 'redis://127.0.0.1:6379',
    },
  ),
  REDIS_NAMESPACE: described(
    z
      .string()
      .regex(/^[\w.-]{1,40}$/, 'takes 1-40 letters, digits, - _ or .')
      .default('catwalk'),
    { about: 'Hash tag of every key; two installations on one Redis need two names.' },
  ),

  HOST: described(z.string().default('127.0.0.1'), {
    about: 'Address the web process listens on.',
  }),
  PORT: described(wholeNumber(3000, { min: 0, max: 65_535 }), {
    about: 'Port of the web process; 0 takes a free one.',
  }),
  PUBLIC_URL: described(webUrl, {
    about: 'Where providers reach the web process. Unset: results are polled for instead.',
    example: 'https://catwalk.example.com',
  }),
  USER_AGENT: described(
    optionalText.refine(
      (text) => text === undefined || /^[\x20-\x7e]{1,256}$/.test(text),
      'takes 1-256 visible ASCII characters, such as: my-shop/1.0 (+https://my-shop.example.com)',
    ),
    {
      about:
        'User-Agent of every call to providers, picture hosts and callbacks. Default: ' +
        '`catwalk/<version>`, with `PUBLIC_URL` if set.',
      example: 'my-shop/1.0',
    },
  ),
  CATWALK_SECRET: described(
    list.refine(
      (secrets) => secrets.every((secret) => secret.length >= 32 && !isExample(secret)),
      'each secret needs 32 characters or more of its own (openssl rand -base64 32)',
    ),
    {
      about: 'Our own secret: webhook URLs, callbacks, links. To rotate: docs/operating.md.',
      secret: true,
      example: 'change-me-to-the-output-of-openssl-rand-base64-32',
    },
  ),
  CATWALK_SECRET_FROM: described(moments, {
    about:
      'While `CATWALK_SECRET` is `new,old`: from when `new` makes what is new. Unset: it only checks.',
    example: '2027-01-31T06:00:00Z',
  }),
  ...tenantVariables,
  ALLOW_INSECURE_URLS: described(z.stringbool().default(false), {
    about: 'Accept http:// and private-network URLs. For development only.',
  }),
  MAX_BODY_BYTES: described(wholeNumber(64 * 1024, { min: 1024, max: 1024 * 1024 }), {
    about: 'Largest API request.',
  }),
  MAX_WEBHOOK_BYTES: described(wholeNumber(256 * 1024, { min: 1024, max: 5 * 1024 * 1024 }), {
    about: 'Largest webhook request.',
  }),
  REQUEST_TIMEOUT_MS: described(wholeNumber(15_000, { min: 100, max: 300_000 }), {
    about: 'Longest time a request to the web process may take to arrive whole.',
  }),
  MAX_CONNECTIONS: described(wholeNumber(1_000, { min: 10, max: 100_000 }), {
    about: 'Connections to the web process at once; those that wait idly make room first.',
  }),
  TRUST_PROXY: described(trustedProxies, {
    about:
      'How many proxies are in front, or their addresses and subnets: they say who calls. ' +
      'Unset: none.',
    example: '1',
  }),

  BOARD_USER: described(
    z
      .string()
      // Basic authentication ends the name at its first colon: nobody could log in.
      .regex(/^[^:]+$/, 'must not hold a colon')
      .default('operator'),
    { about: 'Name for Bull Board.' },
  ),
  BOARD_PASSWORD: described(
    optionalText.refine(
      (password) => password === undefined || password.length >= 8,
      'needs 8 characters or more',
    ),
    {
      about: 'Password for Bull Board; 16 characters or more in production. Unset: no board.',
      secret: true,
    },
  ),
  BOARD_WRITABLE: described(flag(false), {
    about: 'Let operators retry and remove jobs in Bull Board.',
  }),

  WORKER_ROLES: described(
    list
      .pipe(z.array(z.enum(WORKER_ROLES)))
      .transform((roles): readonly WorkerRole[] => (roles.length === 0 ? WORKER_ROLES : roles)),
    { about: `What a worker process does, of ${WORKER_ROLES.join(', ')}. Unset: everything.` },
  ),
  WORKER_HEALTH_HOST: described(z.string().default('127.0.0.1'), {
    about: 'Address of the worker process’s own /livez and /readyz.',
  }),
  WORKER_HEALTH_PORT: described(wholeNumber(0, { min: 0, max: 65_535 }), {
    about: 'Port of the worker process’s own /livez and /readyz; 0 takes a free one.',
  }),
  SUBMIT_CONCURRENCY: described(wholeNumber(10, { min: 1, max: 500 }), {
    about: 'Submissions one worker process has under way per provider.',
  }),
  SHUTDOWN_MS: described(wholeNumber(10_000, { min: 100, max: 600_000 }), {
    about: 'Longest orderly stop after SIGTERM.',
  }),

  SUBMIT_TIMEOUT_MS: described(wholeNumber(30_000, { min: 500, max: 300_000 }), {
    about: 'Longest wait for a provider’s answer to a submission.',
  }),
  POLL_TIMEOUT_MS: described(wholeNumber(10_000, { min: 500, max: 60_000 }), {
    about: 'Longest wait for a provider’s answer to a status check.',
  }),
  LEASE_MS: described(wholeNumber(30_000, { min: 1_000, max: 300_000 }), {
    about: 'After this long, what a crashed worker had taken is taken by another.',
  }),
  UNCONFIRMED_GRACE_MS: described(wholeNumber(600_000, { min: 1_000, max: DAY_MS }), {
    about: 'How long a submission whose answer was lost waits for its webhook.',
  }),
  CHECK_PATIENCE_MS: described(wholeNumber(DAY_MS, { min: 1_000, max: 7 * DAY_MS }), {
    about: 'How long a provider’s status checks may go unanswered before a generation times out.',
  }),
  CIRCUIT_FAILURES: described(wholeNumber(5, { min: 0, max: 1_000 }), {
    about:
      'So many different generations of a model in a row that failed to be sent, or were refused ' +
      'for want of credit or authorization, make the others wait; 0: never. Two failures are ' +
      'enough where the provider recognises no repeat: each may have been paid.',
  }),
  CIRCUIT_OPEN_MS: described(wholeNumber(10_000, { min: 100, max: 300_000 }), {
    about: 'How long they wait at first. Doubles, up to 5 minutes, until a probe is answered.',
  }),
  MOST_REFUSALS: described(wholeNumber(30, { min: 1, max: 1_000 }), {
    about:
      'A generation that its provider answers with 401, 402 or 403 so often ends as ' +
      '`unauthorized` or `out_of_credit`; 30 take over two hours.',
  }),
  MAX_QUEUED_MS: described(wholeNumber(DAY_MS, { min: 1_000, max: 7 * DAY_MS }), {
    about: 'How long a generation may wait to be sent before it times out.',
  }),
  ...memoryVariables,
  FILES_DIR: described(z.string().default('.catwalk/files'), {
    about: 'Folder for results that a provider sends as bytes. All processes must share it.',
  }),
  ...callbackVariables,
  ...vaultVariables,
  PROVIDER_MODULES: described(list, {
    about: 'Modules with providers of your own, comma-separated: paths or packages.',
    example: './providers/acme.js',
  }),
  MODELS_FILE: described(optionalText, {
    about: 'A JSON file that adds models of fal, Replicate and Segmind: docs/adding-a-model.md.',
    example: './models.json',
  }),
  POLL_PROFILES: described(jsonObject(z.record(z.string(), PollProfileChange)), {
    about: 'Changes to poll timing, as JSON: by model type, `provider` or `provider/model`.',
    example: '{"image-fast":{"everyMs":2000},"fashn/tryon-max":{"webhookGraceMs":90000}}',
  }),
});
export type Environment = z.infer<typeof Environment>;

/** The variables of one provider, each prefixed with its name in capitals. */
export const ProviderEnvironment = z.object({
  API_KEY: described(optionalText, {
    about: 'The provider’s key (Image Intelligence: `clientId:clientSecret`). Unset: it is off.',
    secret: true,
  }),
  BASE_URL: described(webUrl, { about: 'Another address of its API, such as the simulator’s.' }),
  TASK_PATH: described(optionalText, {
    about:
      'Another path of a task, with `{id}`. FitInView: `/api/v1/jobs/{id}`. Vtryon: ' +
      '`/v2/tryon/tasks/{id}/`. The others have none.',
  }),
  SUBMIT_PATH: described(optionalText, {
    about:
      'Where tasks are created, if not at the beginning of TASK_PATH. Vtryon: `/v2/tryon/tasks/`. ' +
      'The others have none.',
  }),
  WEBHOOK_SECRET: described(list, {
    about:
      'Its webhook signing secret, where it signs (Replicate’s is fetched). To rotate: `new,old`.',
    secret: true,
  }),
  TRUST: described(z.enum(['hint', 'token']).default('hint'), {
    about: '`token`: believe its unsigned webhooks without a status check.',
  }),
  CHECK_INPUTS: described(z.enum(['on', 'off']).default('on'), {
    about: 'FitRoom: `off` pays without its free checks of the pictures. The others have none.',
  }),
  ON_UNKNOWN_OUTCOME: described(z.enum(['fail', 'resubmit']).default('fail'), {
    about: 'When a submission’s answer stays lost. `resubmit` may pay twice.',
  }),
  SUBMITS_PER_MINUTE: described(z.coerce.number().int().min(1).optional(), {
    about: 'Submissions per minute, all workers together.',
  }),
  CONCURRENCY: described(z.coerce.number().int().min(1).optional(), {
    about: 'Submissions under way at once, all workers together.',
  }),
  POLLS_PER_SECOND: described(z.coerce.number().min(0.1).optional(), {
    about: 'Status checks per second, all workers together.',
  }),
  RUNNING: described(z.coerce.number().int().min(1).optional(), {
    about: 'Tasks that it works on at once. Unset: what it documents; else they are not counted.',
  }),
  CREDITS_ALARM: described(z.coerce.number().min(0).optional(), {
    about: 'With less left to spend than this an error line says so. Unset: 20 submissions’ worth.',
  }),
  CREDITS_FLOOR: described(z.coerce.number().min(0).optional(), {
    about:
      'With less left to spend than this nothing is submitted. Unset: only when nothing is left.',
  }),
});
export type ProviderEnvironment = z.infer<typeof ProviderEnvironment>;

/** `fitinview` + `API_KEY` → `FITINVIEW_API_KEY` */
export function providerVariable(provider: string, variable: string): string {
  return `${provider.toUpperCase().replaceAll('-', '_')}_${variable}`;
}
