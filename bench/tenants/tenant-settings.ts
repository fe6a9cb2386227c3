import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One who asks. */
export interface Tenant {
  readonly name: string;
  readonly weight: number;
}

/** How the tenants are made known to the pipeline, and the key of each. */
export interface TenantSettings {
  readonly env: Readonly<Record<string, string>>;
  keyOf(tenant: string): string;
}

/** Tenants with their weights, and keys of their own. */
export async function tenantSettings(
  tenants: readonly Tenant[],
  folder: string,
): Promise<TenantSettings> {
  const keys = new Map(tenants.map(({ name }) => [name, randomBytes(16).toString('hex')]));
  const keyOf = (tenant: string): string => keys.get(tenant) ?? '';
  const file = join(folder, `tenants-${randomBytes(4).toString('hex')}.json`);
  const listed = tenants.map(({ name, weight }) => ({
    tenant: name,
    keys: [keyOf(name)],
    limits: { weight, requestsPerSecond: 100_000 },
  }));
  await writeFile(file, JSON.stringify(listed));
  return { env: { TENANTS_FILE: file }, keyOf };
}
