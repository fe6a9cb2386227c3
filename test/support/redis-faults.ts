import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import {
  NO_REPLICAS,
  OUT_OF_MEMORY,
  PRIMARY_DOWN,
  READ_ONLY,
  type RedisFault,
} from '../../rig/redis/redis-faults.ts';
import type { OwnRedis } from './own-redis.ts';
import { until } from './until.ts';

/** Faults that need more of a Redis than a connection. */
interface OwnFault extends Pick<RedisFault, 'says'> {
  begin(own: OwnRedis): ReturnType<RedisFault['begin']>;
}

/** It cannot write its snapshot, and so takes no more. */
const DISK_TROUBLE: OwnFault = {
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
const BUSY: OwnFault = {
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
