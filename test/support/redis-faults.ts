import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { OwnRedis } from './own-redis.ts';
import { until } from './until.ts';

/** A state in which a real Redis answers, and takes nothing. */
export interface RedisFault {
  /** What its refusals begin with. */
  readonly says: string;
  /** @returns what ends it. */
  begin(own: OwnRedis): Promise<() => Promise<unknown>>;
}

/** Nothing listens there: a replica of it never gets to know its primary. */
const NOWHERE = ['127.0.0.1', '1'] as const;

export const READ_ONLY: RedisFault = {
  says: 'READONLY',
  async begin({ admin }) {
    await admin.config('SET', 'replica-serve-stale-data', 'yes');
    await admin.replicaof(...NOWHERE);
    return () => admin.replicaof('NO', 'ONE');
  },
};

export const OUT_OF_MEMORY: RedisFault = {
  says: 'OOM',
  async begin({ admin }) {
    // Less than an empty Redis needs.
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

/** It cannot write its snapshot, and so takes no more. */
export const DISK_TROUBLE: RedisFault = {
  says: 'MISCONF',
  async begin({ admin, data }) {
    const inTheWay = join(data, 'dump.rdb');
    await mkdir(inTheWay);
    await admin.config('SET', 'save', '3600 1000000');
    await admin.bgsave();
    await until('the snapshot has failed', async () =>
      (await admin.info('persistence')).includes('rdb_last_bgsave_status:err'),
    );
    return async () => {
      await admin.config('SET', 'save', '');
      await rmdir(inTheWay);
    };
  },
};

/** Somebody's script does not end. */
export const BUSY: RedisFault = {
  says: 'BUSY',
  async begin({ admin, url }) {
    await admin.config('SET', 'lua-time-limit', '20');
    const somebody = new Redis(url);
    const endless = somebody.eval('while true do end', 0).catch(() => undefined);
    await until('it refuses', () =>
      admin.ping().then(
        () => false,
        () => true,
      ),
    );
    return async () => {
      await admin.script('KILL');
      await endless;
      somebody.disconnect();
    };
  },
};

export const REDIS_FAULTS = [
  READ_ONLY,
  OUT_OF_MEMORY,
  PRIMARY_DOWN,
  NO_REPLICAS,
  DISK_TROUBLE,
  BUSY,
] as const;
