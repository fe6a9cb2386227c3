import type { Redis } from 'ioredis';

/** A state in which a real Redis answers, and takes nothing. */
export interface RedisFault {
  /** What its refusals begin with. */
  readonly says: string;
  /** @returns what ends it. */
  begin(on: { readonly admin: Redis }): Promise<() => Promise<unknown>>;
}

/** Port 1 is reserved, nobody listens there: a replica of it never gets to know its primary. */
const NOWHERE = ['127.0.0.1', '1'] as const;

/** As after a failover to a replica: it refuses every write, and keeps what it has. */
export const READ_ONLY: RedisFault = {
  says: 'READONLY',
  async begin({ admin }) {
    await admin.config('SET', 'replica-serve-stale-data', 'yes');
    await admin.replicaof(...NOWHERE);
    return () => admin.replicaof('NO', 'ONE');
  },
};

/** Has less memory than an empty Redis uses, and so refuses what would need more. */
export const OUT_OF_MEMORY: RedisFault = {
  says: 'OOM',
  async begin({ admin }) {
    await admin.config('SET', 'maxmemory', '500000');
    return () => admin.config('SET', 'maxmemory', '0');
  },
};

/** A replica that was told not to serve what may be old. */
export const PRIMARY_DOWN: RedisFault = {
  says: 'MASTERDOWN',
  async begin({ admin }) {
    await admin.config('SET', 'replica-serve-stale-data', 'no');
    await admin.replicaof(...NOWHERE);
    return () => admin.replicaof('NO', 'ONE');
  },
};

export const NO_REPLICAS: RedisFault = {
  says: 'NOREPLICAS',
  async begin({ admin }) {
    await admin.config('SET', 'min-replicas-to-write', '1');
    return () => admin.config('SET', 'min-replicas-to-write', '0');
  },
};
