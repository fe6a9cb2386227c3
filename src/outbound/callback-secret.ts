import { createHmac } from 'node:crypto';

/**
 * The secret a tenant verifies our callbacks with, as Standard Webhooks writes it (`whsec_` and
 * base64). Derived from our own secret, so that no tenant can forge another's, and there is nothing
 * more to store or to set. Changes when `CATWALK_SECRET` does; rotation keeps both alive.
 */
export function callbackSecret(catwalkSecret: string, tenant: string): string {
  const key = createHmac('sha256', catwalkSecret).update(`callback:${tenant}`).digest('base64');
  return `whsec_${key}`;
}
