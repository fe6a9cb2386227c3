import type { Redis } from 'ioredis';
import type { HttpClient } from '../../src/outbound/http-client.ts';
import type { ProviderAdapter } from '../../src/providers/provider.ts';
import type { Keys } from '../../src/store/keys.ts';
import { createStore } from '../../src/store/store.ts';

/**
 * What must not compile; `npm run typecheck` is the judge. Each line below the directive is one
 * impossible thing: if it compiled, the directive itself would be the error. Nothing here is run.
 */
type Repeat = ProviderAdapter['repeatSubmit'];
type Webhook = NonNullable<ProviderAdapter['webhook']>;

declare const http: HttpClient;
declare const redis: Redis;
declare const keys: Keys;

const call = { kind: 'safe-to-retry', method: 'POST', url: 'https://api.acme.example' } as const;
const read: Webhook['read'] = () => ({ taskId: '1', observation: { kind: 'missing' } });
const verify = () => true;

export const impossible = {
  // @ts-expect-error a provider that can be searched says how
  searchWithoutFind: { kind: 'search' } satisfies Repeat,
  // @ts-expect-error a search has a task to return, or none
  searchThatAnswersYes: { kind: 'search', find: async () => true } satisfies Repeat,
  // @ts-expect-error a key is remembered for some time
  keyWithoutLifetime: { kind: 'idempotency-key' } satisfies Repeat,
  // @ts-expect-error only keys have a lifetime
  lifetimeWithoutKey: { kind: 'none', keyLifetimeMs: 1 } satisfies Repeat,
  // @ts-expect-error the kind is not told without what belongs to it
  kindAlone: 'search' satisfies Repeat,

  // @ts-expect-error what is believed for its signature is verified
  signedWithoutVerify: { trust: 'signature', scope: 'request', read } satisfies Webhook,
  // @ts-expect-error what can be verified is not a hint
  hintWithVerify: { trust: 'hint', scope: 'request', read, verify } satisfies Webhook,
  // @ts-expect-error no token of ours is in the URL of a whole account
  accountByToken: { trust: 'token', scope: 'account', read } satisfies Webhook,
  // @ts-expect-error nor is a hint of an account's endpoint worth a check without a signature
  accountByHint: { trust: 'hint', scope: 'account', read } satisfies Webhook,
  accountWithoutTask: {
    trust: 'signature',
    scope: 'account',
    verify,
    // @ts-expect-error on an account's one endpoint nothing but the body says which task it is
    read: () => ({ observation: { kind: 'missing' } }),
  } satisfies Webhook,

  // @ts-expect-error a body is JSON or something else
  twoBodies: () => http.request({ ...call, json: {}, body: 'text' }),
  // @ts-expect-error who saves must know whose deliveries are matched by task
  storeThatDropsTasks: () => createStore({ redis, keys, retentionMs: 1, counted: none }),
  // @ts-expect-error nor may it forget whose running tasks are counted
  storeThatDropsPlaces: () => createStore({ redis, keys, retentionMs: 1, matchedByTask: none }),
};
