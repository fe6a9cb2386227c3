import type { Family } from '../attempt.ts';
import { evilUrl } from '../evil-addresses.ts';

/** URLs into private places, as pictures and as callbacks: refused at the door of the guarded web. */
export const addresses: Family = {
  name: 'addresses',
  share: 60,
  least: 80,
  atOnce: 8,
  make(world, chance) {
    const url = evilUrl(chance);
    const fine = 'https://images.shop.example/a.png';
    const where = chance.pick(['personImage', 'garmentImages', 'callbackUrl']);
    const body = JSON.stringify({
      provider: 'vtryon',
      model: 'tryon',
      input: {
        personImage: where === 'personImage' ? url : fine,
        garmentImages: [where === 'garmentImages' ? url : fine],
      },
      ...(where === 'callbackUrl' && { callbackUrl: url }),
    });
    const { guardedUrl, guardedKey } = world.target;
    return world.shot(`${where} ${url}`, [400], {
      ...(guardedUrl !== null && { origin: guardedUrl }),
      path: '/v1/generations',
      headers: { authorization: `Bearer ${guardedKey}`, 'content-type': 'application/json' },
      body,
    });
  },
};
