/**
 * Where the files of a finished task are in what its provider answers: links, or the files
 * themselves as `data:` URIs.
 */
export type LinksIn = (output: unknown) => string[];

/** The texts that an output consists of, whether it is one, a list, or an object with some. */
export function partsIn(output: unknown): string[] {
  const parts: unknown[] =
    typeof output === 'object' && output !== null ? Object.values(output) : [output];
  return parts.filter((part) => typeof part === 'string');
}

/**
 * The texts at a path, in their order: `video.url`, `images.*.url`, or `*` for each of a list.
 * @param path names and `*`, joined by dots.
 */
export function linksAt(path: string): LinksIn {
  const steps = path.split('.');
  return (output) =>
    steps
      .reduce((found: unknown[], step) => found.flatMap((value) => stepInto(value, step)), [output])
      .filter((value) => typeof value === 'string');
}

function stepInto(value: unknown, step: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (step === '*') return Object.values(value);
  return Object.entries(value).flatMap(([name, inner]) => (name === step ? [inner] : []));
}

/**
 * For a webhook, which does not say which model its result is of: what every reading that finds
 * something finds alike; otherwise nothing, and the status check, which knows the model, tells.
 */
export function linksByAny(readings: readonly LinksIn[]): LinksIn {
  return (output) => {
    const found = readings.map((linksIn) => linksIn(output)).filter((links) => links.length > 0);
    const [first = []] = found;
    return new Set(found.map((links) => JSON.stringify(links))).size === 1 ? first : [];
  };
}
