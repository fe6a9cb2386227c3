/** A token as its provider gave it, with the time left on our own clock (Unix ms). */
export interface AccessToken {
  readonly value: string;
  readonly expiresAt: number;
}

/** The access token of one account, shared by every call to it. */
export interface AccessTokens {
  /** A token with some life left. Many callers at once cause one request. @throws as `request` does */
  current(): Promise<string>;
  /** Another token than the one that was refused; again one request, however many were refused. */
  insteadOf(refused: string): Promise<string>;
}

/** A call under way must not meet the end of its token. */
const REFRESH_EARLY_MS = 30_000;

/** @param options.request asks the provider for a token. What failed is not kept. */
export function createAccessTokens(options: {
  request: () => Promise<AccessToken>;
  now: () => number;
}): AccessTokens {
  const { request, now } = options;
  let token: AccessToken | undefined;
  let asking: Promise<AccessToken> | undefined;

  function ask(): Promise<AccessToken> {
    asking ??= request()
      .then((fresh) => {
        token = fresh;
        return fresh;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  async function current(): Promise<string> {
    const fresh = token && token.expiresAt - REFRESH_EARLY_MS > now() ? token : await ask();
    return fresh.value;
  }

  return {
    current,
    insteadOf: async (refused) => {
      // Someone else may have been refused first, and have a new one already.
      if (token?.value === refused) token = undefined;
      return current();
    },
  };
}
