import type { Outcome } from '../generation/generation.ts';

/** The outcome with each link's end, where that is known (Unix ms). */
export function expiring(
  outcome: Outcome,
  expiresAt: (link: string) => number | undefined,
): Outcome {
  if (outcome.verdict !== 'completed') return outcome;
  const results = outcome.results.map((result) => {
    const at = result.kind === 'file' ? expiresAt(result.url) : undefined;
    return at === undefined ? result : { ...result, expiresAt: at };
  });
  return { ...outcome, results };
}

/**
 * Until when a signed link says that it is good, in Unix ms; undefined when it does not say. `Expires`
 * in Unix seconds is CloudFront's and the older form of S3 and Google Cloud Storage; the newer is a
 * date and the seconds from it.
 */
export function signedUntil(link: string): number | undefined {
  if (!URL.canParse(link)) return undefined;
  const query = new URL(link).searchParams;
  const seconds = wholeNumber(query.get('Expires'));
  if (seconds !== undefined) return seconds * 1_000;
  for (const signer of ['X-Amz', 'X-Goog']) {
    const from = compactDate(query.get(`${signer}-Date`));
    const lasts = wholeNumber(query.get(`${signer}-Expires`));
    if (from !== undefined && lasts !== undefined) return from + lasts * 1_000;
  }
  return undefined;
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** `20261121T094500Z` */
function compactDate(text: string | null): number | undefined {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '') ?? [];
  const [year, month, day, hour, minute, second] = parts.map(Number);
  if (year === undefined || month === undefined) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
