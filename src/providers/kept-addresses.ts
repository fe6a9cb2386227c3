import { z } from 'zod';
import { ownUrl } from './wire-values.ts';

/**
 * The addresses that a provider returned for a task (its status, its result), as they travel in the
 * task's handle. Each is judged when it is kept and again when it is followed: what does not lie on
 * one of the provider's own origins is as good as absent, because it would be sent our key.
 */
export interface KeptAddresses {
  /** A handle with those of the addresses that are the provider's own; undefined when none is. */
  keep(returned: Readonly<Record<string, string | null | undefined>>): string | undefined;
  /** The address kept under this name, if it may be followed. */
  find(handle: string | undefined, name: string): string | undefined;
}

const Handle = z.record(z.string(), z.string());

/** The record of a generation holds them for as long as it lives. */
const MAX_ADDRESS_LENGTH = 1_024;

export function createKeptAddresses(baseUrl: string, ...otherOrigins: string[]): KeptAddresses {
  const own = (address: string | null | undefined): string | undefined =>
    address && address.length <= MAX_ADDRESS_LENGTH
      ? ownUrl(baseUrl, address, ...otherOrigins)
      : undefined;
  return {
    keep(returned) {
      const kept = Object.entries(returned).flatMap(([name, address]) => {
        const url = own(address);
        return url === undefined ? [] : [[name, url] as const];
      });
      return kept.length > 0 ? JSON.stringify(Object.fromEntries(kept)) : undefined;
    },
    find: (handle, name) => own(addressesIn(handle).get(name)),
  };
}

function addressesIn(handle: string | undefined): Map<string, string> {
  try {
    return new Map(Object.entries(Handle.parse(JSON.parse(handle ?? '{}'))));
  } catch {
    return new Map();
  }
}
