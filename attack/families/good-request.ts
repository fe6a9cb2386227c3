import type { World } from '../world.ts';

/** A request that is right; `marker` is what the provider's books will call it. */
export function goodRequest(world: World, marker: string) {
  const picture = (name: string): string =>
    `${world.target.picturesUrl}/${name}?simulate=ok&marker=${marker}`;
  return {
    provider: 'fitinview',
    model: 'tryon',
    input: { personImage: picture('person.png'), garmentImages: [picture('garment-shirt.png')] },
  };
}
