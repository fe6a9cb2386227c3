/**
 * Gathers the calls made in one turn of the event loop and serves them with one call, so that a
 * flood costs a few Redis round trips and a quiet system still answers at once.
 *
 * @param flush gets 1 to `most` items and answers one result each, in the same order. If it throws,
 *   every call of that batch is rejected with the same error.
 * @returns a function that takes one item and resolves to that item's own result.
 */
export function coalesce<Item, Result>(
  flush: (items: Item[]) => Promise<readonly Result[]>,
  most = 100,
): (item: Item) => Promise<Result> {
  interface Waiting {
    item: Item;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];

  const serve = async (batch: Waiting[]): Promise<void> => {
    try {
      const results = await flush(batch.map((call) => call.item));
      if (results.length !== batch.length) throw new Error('coalesced call lost a result');
      // The lengths are equal, so every index holds a Result (which may itself be undefined).
      for (const [index, call] of batch.entries()) call.resolve(results[index] as Result);
    } catch (error) {
      for (const call of batch) call.reject(error);
    }
  };

  const serveAll = (): void => {
    const all = waiting;
    waiting = [];
    for (let start = 0; start < all.length; start += most) {
      void serve(all.slice(start, start + most));
    }
  };

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      if (waiting.length === 0) setImmediate(serveAll);
      waiting.push({ item, resolve, reject });
    });
}
