import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Environment } from '../../src/config/env.ts';

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

/** Tenants with weights where the pipeline that is measured knows them, and plain keys elsewhere. */
export async function tenantSettings(
  tenants: readonly Tenant[],
  folder: string,
): Promise<TenantSettings> {
  const keys = new Map(tenants.map(({ name }) => [name, randomBytes(16).toString('hex')]));
  const keyOf = (tenant: string): string => keys.get(tenant) ?? '';
  if (!('TENANTS_FILE' in Environment.shape)) {
    const entries = tenants.map(({ name }) => `${name}:${keyOf(name)}`);
    return { env: { API_KEYS: entries.join(',') }, keyOf };
  }
  const file = join(folder, `tenants-${randomBytes(4).toString('hex')}.json`);
  const listed = tenants.map(({ name, weight }) => ({
    name,
    keys: [keyOf(name)],
    limits: { weight },
  }));
  await writeFile(file, JSON.stringify({ tenants: listed }));
  return { env: { TENANTS_FILE: file }, keyOf };
}
