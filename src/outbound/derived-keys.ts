import { hkdfSync } from 'node:crypto';

/**
 * What `CATWALK_SECRET` makes, each under a key of its own (HKDF-SHA256), so that whoever learns one
 * of the keys can make nothing else. Which of several secrets makes a thing follows from the moment
 * that the thing is of and from the settings, never from which process makes it or when: the URL in
 * a submission that is sent again is the same to the letter.
 */

/**
 * The secrets, newest first, and from when (Unix ms) each makes what is new. The last one always did;
 * a moment of its own says from when it does so by its keys: before, it made everything itself, as
 * releases without keys do.
 */
export interface OwnSecrets {
  readonly CATWALK_SECRET: readonly string[];
  readonly CATWALK_SECRET_FROM: readonly number[];
}

const LABELS = {
  delivery: 'catwalk:webhook-delivery',
  result: 'catwalk:result-link',
  file: 'catwalk:file-name',
} as const;
type Use = keyof typeof LABELS;

export type Key = string | Buffer;

export interface UseKeys {
  /** Makes what is of this moment. Undefined where there is no secret. */
  makerAt(unixMs: number): Key | undefined;
  /**
   * What may have made a thing that somebody shows: the keys of all secrets, and the secrets
   * themselves, which made it before there were keys.
   */
  readonly live: readonly Key[];
}

export function derivedKeys(use: Use, secrets: OwnSecrets): UseKeys {
  const { CATWALK_SECRET: all, CATWALK_SECRET_FROM: from } = secrets;
  const keysSince = from[all.length - 1] ?? Number.NEGATIVE_INFINITY;
  const keys = new Map(all.map((secret) => [secret, derived(secret, use)]));
  return {
    makerAt: (unixMs) => {
      const secret = makerAt(secrets, unixMs);
      return secret !== undefined && unixMs >= keysSince ? keys.get(secret) : secret;
    },
    live: [...keys.values(), ...keys.keys()],
  };
}

/**
 * The one secret that makes what is of a moment: the newest whose time has come. One without a time
 * only checks, so that a process that knows it agrees with those that do not know it yet; the last
 * needs none. Undefined where there is no secret.
 */
export function makerAt(secrets: OwnSecrets, unixMs: number): string | undefined {
  const { CATWALK_SECRET: all, CATWALK_SECRET_FROM: from } = secrets;
  return all.find((_, at) => unixMs >= (from[at] ?? Number.POSITIVE_INFINITY)) ?? all.at(-1);
}

/**
 * A name nobody checks needs no second key. The oldest secret is the one that all processes have
 * while another comes in, so the same file has the same name in each.
 */
export function fileNameKey({ CATWALK_SECRET: all }: Pick<OwnSecrets, 'CATWALK_SECRET'>): Key {
  return derived(all.at(-1) ?? '', 'file');
}

function derived(secret: string, use: Use): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', LABELS[use], 32));
}
