import { createHmac } from 'node:crypto';
import { signFal } from '../simulator/index.ts';

/** How each provider tells the end of a task, and how it signs; for an attacker with its secret. */
export interface Dialect {
  /** Absent where nothing is signed: the token in the URL is all there is. */
  readonly sign?: (body: Buffer, secret: string, nowMs: number) => Record<string, string>;
  /** The header that carries the signature itself. */
  readonly signatureHeader?: string;
  completed(taskId: string): Record<string, unknown>;
  failed(taskId: string): Record<string, unknown>;
}

const LIE = 'https://attacker.example/not-your-picture.png';

const hexHmac = (header: string) => (body: Buffer, secret: string) => ({
  [header]: createHmac('sha256', secret).update(body).digest('hex'),
});

function standardWebhooks(body: Buffer, secret: string, nowMs: number): Record<string, string> {
  const [id, timestamp] = ['msg_attack', String(Math.floor(nowMs / 1000))];
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature.digest('base64')}`,
  };
}

export const DIALECTS: Readonly<Record<string, Dialect>> = {
  fitinview: {
    sign: hexHmac('x-fitinview-signature'),
    signatureHeader: 'x-fitinview-signature',
    completed: (id) => ({ id, status: 'completed', result_url: LIE }),
    failed: (id) => ({ id, status: 'failed', error: 'made up' }),
  },
  vtryon: {
    sign: hexHmac('x-vtryon-signature'),
    signatureHeader: 'x-vtryon-signature',
    completed: (id) => change(id, 'completed'),
    failed: (id) => change(id, 'failed'),
  },
  replicate: {
    sign: standardWebhooks,
    signatureHeader: 'webhook-signature',
    completed: (id) => ({ id, status: 'succeeded', output: [LIE] }),
    failed: (id) => ({ id, status: 'failed', error: 'made up' }),
  },
  fal: {
    sign: (body, secret, nowMs) => lowerCase(signFal(body, secret, nowMs)),
    signatureHeader: 'x-fal-webhook-signature',
    completed: (id) => ({ request_id: id, status: 'OK', payload: { images: [{ url: LIE }] } }),
    failed: (id) => ({ request_id: id, status: 'ERROR', error: 'made up', payload: null }),
  },
  fashn: {
    completed: (id) => ({ id, status: 'completed', output: [LIE], error: null }),
    failed: (id) => ({ id, status: 'failed', error: { name: 'PipelineError', message: 'no' } }),
  },
  apixo: {
    completed: (taskId) => ({
      code: 200,
      data: { taskId, state: 'success', resultJson: JSON.stringify({ resultUrls: [LIE] }) },
    }),
    failed: (taskId) => ({ code: 200, data: { taskId, state: 'failed', failMsg: 'made up' } }),
  },
  'image-intelligence': {
    completed: (id) => ({
      id,
      status: 'COMPLETED_SUCCESSFULLY',
      imageResults: [{ url: LIE, status: 'COMPLETED_SUCCESSFULLY', objects: [] }],
    }),
    failed: (id) => ({ id, status: 'COMPLETED_ALL_ERROR', imageResults: [] }),
  },
};

/** @throws for a provider that sends no webhooks. */
export function dialectOf(provider: string): Dialect {
  const dialect = DIALECTS[provider];
  if (!dialect) throw new Error(`${provider} sends no webhooks.`);
  return dialect;
}

/** The providers whose deliveries are signed. */
export const SIGNED = Object.keys(DIALECTS).filter((name) => DIALECTS[name]?.sign);
export const UNSIGNED = Object.keys(DIALECTS).filter((name) => !DIALECTS[name]?.sign);

function change(task_id: string, status: string) {
  const event = 'generation.status_changed';
  return { event, task_id, status, data: { result_url: LIE } };
}

function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
