import type { Redis } from 'ioredis';

/** What Redis says about itself; nothing here changes what is measured, but for `MONITOR`. */

/** Seconds of CPU that Redis has used, its helpers included. */
export async function redisCpuSeconds(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const names = ['user', 'sys', 'user_children', 'sys_children'];
  return names.reduce((sum, name) => sum + numberIn(info, `used_cpu_${name}`), 0);
}

/** Bytes of keys and what they hold, without the buffers of connections and of the log. */
export async function dataBytes(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  const buffers = ['mem_clients_normal', 'mem_clients_slaves', 'mem_aof_buffer'];
  return buffers.reduce(
    (bytes, name) => bytes - numberIn(info, name),
    numberIn(info, 'used_memory'),
  );
}

/** How many scripts have been run. */
export async function scriptCalls(redis: Redis): Promise<number> {
  const info = await redis.info('commandstats');
  const calls = [...info.matchAll(/^cmdstat_(?:eval|evalsha):calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** How many commands have been run, those that scripts call included. */
export async function commandCalls(redis: Redis): Promise<number> {
  const info = await redis.info('commandstats');
  const calls = [...info.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** How many commands clients send while `work` runs; those inside scripts do not count. */
export async function clientCommands(redis: Redis, work: () => Promise<unknown>): Promise<number> {
  const monitor = await redis.monitor();
  let count = 0;
  monitor.on('monitor', (_time: string, _args: string[], source: string) => {
    if (source !== 'lua') count += 1;
  });
  try {
    await work();
    return count;
  } finally {
    monitor.disconnect();
  }
}

/** `redis 7.0.15`, or `valkey` and its version. */
export async function serverVersion(redis: Redis): Promise<string> {
  const info = await redis.info('server');
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  return valkey ? `valkey ${valkey}` : `redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? '?'}`;
}

/** Deletes everything under a hash tag. */
export async function deleteKeys(redis: Redis, namespace: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
    // scanStream's chunks are lists of keys.
    if ((keys as string[]).length > 0) await redis.unlink(keys as string[]);
  }
}

function numberIn(info: string, name: string): number {
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
}
