import { type SimulatorOptions, startSimulator } from '../../simulator/index.ts';

export type Env = Readonly<Record<string, string | undefined>>;
export const PROVIDERS = ['fitinview', 'fashn'] as const;
export type ProviderName = (typeof PROVIDERS)[number];
export const TENANT = 'acme';
export const SECRET = 'pipeline-tests-secret-of-32-characters-or-more';
export const FITINVIEW_SECRET = 'whsec_pipeline_tests';
export const API_KEY = 'pipeline-tests-api-key';

/** How patiently providers are polled in a test. Without a change here, the webhook has plenty of time. */
export interface Patience {
  firstAfterMs?: number;
  everyMs?: number;
  webhookGraceMs?: number;
  giveUpAfterMs?: number;
  maxPolls?: number;
}

/** The settings every process of one pipeline shares; fast, and for a namespace of its own. */
export function pipelineEnv(simulatorUrl: string, namespace: string, patience: Patience = {}): Env {
  const profile = {
    firstAfterMs: 150,
    everyMs: 150,
    longestMs: 150,
    factor: 1,
    webhookGraceMs: 20_000,
    giveUpAfterMs: 30_000,
    maxPolls: 1_000,
    ...patience,
  };
  const limits = { SUBMITS_PER_MINUTE: '100000', CONCURRENCY: '40', POLLS_PER_SECOND: '500' };
  return {
    NODE_ENV: 'test',
    ALLOW_INSECURE_URLS: 'true',
    LOG_LEVEL: 'info',
    REDIS_URL: process.env['REDIS_URL'],
    REDIS_NAMESPACE: namespace,
    PORT: '0',
    CATWALK_SECRET: SECRET,
    API_KEYS: `${TENANT}:${API_KEY}`,
    TENANT_REQUESTS_PER_SECOND: '100000',
    SUBMIT_TIMEOUT_MS: '10000',
    POLL_TIMEOUT_MS: '900',
    LEASE_MS: '1000',
    UNCONFIRMED_GRACE_MS: '1000',
    POLL_PROFILES: JSON.stringify({ fitinview: profile, fashn: profile }),
    FITINVIEW_API_KEY: 'fiv_live_tests',
    FITINVIEW_BASE_URL: `${simulatorUrl}/fitinview`,
    FITINVIEW_WEBHOOK_SECRET: FITINVIEW_SECRET,
    FASHN_API_KEY: 'fa-tests',
    FASHN_BASE_URL: `${simulatorUrl}/fashn`,
    FASHN_RUNNING: '1000',
    ...Object.fromEntries(
      ['FITINVIEW', 'FASHN'].flatMap((name) =>
        Object.entries(limits).map(([key, value]) => [`${name}_${key}`, value]),
      ),
    ),
  };
}

/** Simulated providers whose tasks take 50 to 150 ms, and that sign as `pipelineEnv` expects. */
export function fastSimulator(options: SimulatorOptions = {}) {
  return startSimulator({
    latencyMs: { min: 50, max: 150 },
    providers: { fitinview: { secret: FITINVIEW_SECRET } },
    ...options,
  });
}
