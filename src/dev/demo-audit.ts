import { z } from 'zod';

const Ledger = z.record(
  z.string(),
  z.object({
    accepted: z.array(z.object({ webhookUrl: z.string().nullish() })),
  }),
);

/**
 * Compares the simulated providers' own books with what was asked for: one generation, one paid
 * submission. The webhook URL that came with a submission says which generation it was for.
 * @returns how many generations were paid for more than once.
 */
export async function auditBooks(
  simulatorUrl: string,
  say: (line: string) => void,
): Promise<number> {
  const response = await fetch(`${simulatorUrl}/_simulator/ledger`);
  const ledger = Ledger.parse(await response.json());
  let paidTwice = 0;
  for (const [provider, { accepted }] of Object.entries(ledger)) {
    if (accepted.length === 0) continue;
    const generations = new Set(accepted.map(({ webhookUrl }) => webhookUrl));
    const twice = accepted.length - generations.size;
    paidTwice += twice;
    say(`${provider}'s books: ${accepted.length} submissions paid, ${twice} of them twice`);
  }
  return paidTwice;
}
