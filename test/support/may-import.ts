const ROOMS = [
  ...['config', 'generation', 'store', 'outbound', 'vault', 'producers', 'providers'],
] as const;

/**
 * Which folder of src may import from which, besides itself. Data flows one way; the web and the
 * worker process meet only in Redis. A folder that is not named here fails a test.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  config: [],
  generation: [],
  store: ['config', 'generation'],
  outbound: ['config', 'generation'],
  vault: ['config', 'generation', 'store', 'outbound'],
  providers: ['generation', 'outbound'],
  producers: ['config', 'generation', 'store', 'outbound'],
  'core.ts': ROOMS,
  workers: [...ROOMS, 'core.ts'],
  http: [...ROOMS, 'core.ts'],
  operations: [...ROOMS, 'core.ts'],
  'index.ts': [...ROOMS, 'core.ts', 'workers', 'http'],
  'provider-kit.ts': ['generation', 'outbound', 'providers'],
};
