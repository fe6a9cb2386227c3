import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { TENANT } from './limits.ts';
import { inPlainWords } from './plain-words.ts';
import { InvalidSettings } from './settings.ts';
import { isExample } from './variables.ts';

/**
 * What a file of tenants may say. What is misspelt is named: nothing in the file is passed over, for
 * a limit that is not understood would be none.
 */

const count = z.int().min(0);
const some = z.int().min(1);

const ProviderLimits = z
  .strictObject({
    mostWaiting: count.exactOptional(),
    mostInFlight: count.exactOptional(),
    /** Of the provider's places: how many it always gets, and how many at most. */
    floor: count.exactOptional(),
    ceiling: some.exactOptional(),
  })
  .refine(({ floor = 0, ceiling = floor }) => floor <= ceiling, {
    path: ['floor'],
    error: 'must not be more than ceiling',
  });

const Limits = z.strictObject({
  requestsPerSecond: z.number().positive().exactOptional(),
  burst: some.exactOptional(),
  mostWaiting: count.exactOptional(),
  mostInFlight: count.exactOptional(),
  weight: z.number().positive().max(1_000).exactOptional(),
  providers: z.record(z.string(), ProviderLimits).exactOptional(),
});

const DIGEST = /^sha256:[0-9a-f]{64}$/i;

const Key = z
  .string()
  .min(16)
  .refine((key) => !isExample(key), 'is the example’s')
  .refine(
    (key) => !key.startsWith('sha256:') || DIGEST.test(key),
    'takes 64 hex digits after sha256:',
  );

const TenantsFile = z.array(
  z.strictObject({
    tenant: z.string().regex(TENANT.pattern, `takes ${TENANT.words}`),
    keys: z.array(Key).default([]),
    limits: Limits.default({}),
  }),
);

export type GivenLimits = z.infer<typeof Limits>;

/** Who may call, and what differs from the limits of everybody. */
export interface TenantsRead {
  /** By the digest of the key. */
  readonly tenants: ReadonlyMap<string, string>;
  readonly limits: ReadonlyMap<string, GivenLimits>;
}

/** Hex SHA-256: keys are only ever compared by it. */
export function keyDigest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/**
 * Reads the file, and adds the keys of the settings.
 * @param path undefined where there is no file.
 * @throws InvalidSettings naming each place; never with a key.
 */
export function readTenants(
  path: string | undefined,
  apiKeys: readonly { readonly tenant: string; readonly key: string }[],
): TenantsRead {
  const entries = path === undefined ? [] : parse(textOf(path));
  const tenants = new Map(apiKeys.map(({ tenant, key }) => [keyDigest(key), tenant]));
  const limits = new Map<string, GivenLimits>();
  const problems: string[] = [];
  for (const [index, entry] of entries.entries()) {
    if (limits.has(entry.tenant)) problems.push(`${index}.tenant: comes a second time`);
    limits.set(entry.tenant, entry.limits);
    for (const [at, key] of entry.keys.entries()) {
      const digest = DIGEST.test(key) ? key.slice('sha256:'.length).toLowerCase() : keyDigest(key);
      const other = tenants.get(digest) ?? entry.tenant;
      if (other !== entry.tenant) problems.push(`${index}.keys.${at}: is tenant "${other}"’s key`);
      tenants.set(digest, entry.tenant);
    }
  }
  if (problems.length > 0) throw new InvalidSettings(problems.map(inFile));
  return { tenants, limits };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new InvalidSettings([inFile(`cannot be read (${code})`)]);
  }
}

function parse(text: string): z.infer<typeof TenantsFile> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // JSON.parse's own message quotes the text around the mistake, and that may be a key.
    throw new InvalidSettings([inFile('must be JSON')]);
  }
  const parsed = TenantsFile.safeParse(json, { error: inPlainWords });
  if (parsed.success) return parsed.data;
  throw new InvalidSettings(
    parsed.error.issues.map(({ path, message }) =>
      inFile(path.length === 0 ? message : `${path.join('.')}: ${message}`),
    ),
  );
}

function inFile(problem: string): string {
  return `TENANTS_FILE: ${problem}`;
}
