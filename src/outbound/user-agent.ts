import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The settings that matter here, by their names in the environment. */
export interface UserAgentSettings {
  readonly USER_AGENT?: string | undefined;
  readonly PUBLIC_URL?: string | undefined;
}

const Package = z.object({ name: z.literal('catwalk'), version: z.string() });

let product: string | undefined;

/**
 * Who calls, for every request that leaves the process: what the operator says, otherwise
 * `catwalk/0.1.0`, with the operator's own address where it is set, so that whoever wonders about
 * a call finds somebody to ask: `catwalk/0.1.0 (+https://catwalk.example.com)`.
 */
export function userAgentOf({ USER_AGENT, PUBLIC_URL }: UserAgentSettings = {}): string {
  if (USER_AGENT) return USER_AGENT;
  product ??= readProduct();
  // The origin is plain ASCII, and holds neither a path nor a password.
  return PUBLIC_URL ? `${product} (+${new URL(PUBLIC_URL).origin})` : product;
}

/** The package's own description: two folders up from the source, three from what is compiled. */
function readProduct(): string {
  for (const above of ['../../', '../../../']) {
    try {
      const text = readFileSync(new URL(`${above}package.json`, import.meta.url), 'utf8');
      return `catwalk/${Package.parse(JSON.parse(text)).version}`;
    } catch {
      // Not here; or bundled into something else, and that must not stop a call.
    }
  }
  return 'catwalk';
}
