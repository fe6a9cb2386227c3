import type { Request } from 'express';
import { z } from 'zod';
import type { AccessToken } from '../../contract/account.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { invalid } from '../inputs.ts';

// Facts: as in dialect.ts.

const Credentials = z.object({
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
});

/** The two-part key, joined by a colon. */
export function readCredentials(request: Request): string | Refusal {
  const parsed = Credentials.safeParse(request.body);
  if (!parsed.success) return invalid(parsed.error);
  return `${parsed.data.clientId}:${parsed.data.clientSecret}`;
}

/** A new access token. */
export function replyWithToken({ token, issuedAtMs, expiresAtMs }: AccessToken): Reply {
  return {
    status: 200,
    body: {
      accessToken: token,
      expiresAt: expiresAtMs,
      issuedAt: issuedAtMs,
      orgName: 'simulator',
      appName: 'simulator',
      scope: 'api',
    },
  };
}
