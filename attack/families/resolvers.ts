import type { Family } from '../attempt.ts';

/**
 * Names of a public look that resolve to this machine, as pictures and as callbacks. The guarded web
 * takes them, for a name tells nothing; its worker must not connect. Whether it did is seen where
 * they lead (`run.ts`).
 */
export const resolvers: Family = {
  name: 'resolvers',
  share: 2,
  least: 12,
  most: 200,
  atOnce: 4,
  isPatient: true,
  make(world, chance, index) {
    const { guardedUrl, guardedKey, trapPort } = world.target;
    const name = (): string => `https://${chance.word(8)}.attack.example:${trapPort}/a.png`;
    const provider = chance.pick(['vtryon', 'fitroom', 'tryon-api']);
    const body = JSON.stringify({
      provider,
      model: 'tryon',
      input: {
        personImage: name(),
        garmentImages: [name()],
        ...(provider === 'fitroom' && { clothType: 'upper' }),
      },
      callbackUrl: name(),
    });
    return world.shot(`number ${index}: names that resolve to this machine`, [202], {
      ...(guardedUrl !== null && { origin: guardedUrl }),
      path: '/v1/generations',
      headers: { authorization: `Bearer ${guardedKey}`, 'content-type': 'application/json' },
      body,
    });
  },
};
