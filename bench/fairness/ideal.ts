/** One request, when it was accepted. */
export interface Arrival {
  readonly tenant: string;
  readonly atMs: number;
}

/** Small against every wait that is measured. */
const STEP_MS = 5;
/** What rounding leaves of one request. */
const CRUMB = 1e-6;

/**
 * When each arrival would be served if capacity could be divided without remainder: in each moment
 * every tenant gets what it asks for, and where that is too much, a share by its weight; what one
 * leaves goes to the others (weighted max-min). In the order of `arrivals`; undefined: not by `untilMs`.
 * @param arrivals in the order of their times.
 */
export function idealService(
  arrivals: readonly Arrival[],
  options: {
    readonly perSecond: number;
    readonly weights: ReadonlyMap<string, number>;
    readonly untilMs: number;
  },
): (number | undefined)[] {
  const servedAt: (number | undefined)[] = arrivals.map(() => undefined);
  const lines = new Map<string, Line>();
  let next = 0;
  for (let now = arrivals[0]?.atMs ?? 0; now < options.untilMs; now += STEP_MS) {
    for (let one = arrivals[next]; one && one.atMs <= now; one = arrivals[++next]) {
      const line = lines.get(one.tenant) ?? { waiting: [], left: 0, weight: 1 };
      line.weight = options.weights.get(one.tenant) ?? 1;
      if (line.waiting.length === 0) line.left = 1;
      line.waiting.push(next);
      lines.set(one.tenant, line);
    }
    const served = divide([...lines.values()], (options.perSecond * STEP_MS) / 1000);
    for (const index of served) servedAt[index] = now + STEP_MS;
  }
  return servedAt;
}

/** What one tenant waits for. */
interface Line {
  readonly waiting: number[];
  /** How much of its first request is still to be served. */
  left: number;
  weight: number;
}

/** Serves the lines with so many requests' worth. Answers those that are done now. */
function divide(lines: readonly Line[], worth: number): number[] {
  const done: number[] = [];
  let rest = worth;
  let open = lines.filter(({ waiting }) => waiting.length > 0);
  while (open.length > 0 && rest > CRUMB) {
    const weights = open.reduce((sum, { weight }) => sum + weight, 0);
    const each = rest / weights;
    rest = 0;
    for (const line of open) rest += serve(line, each * line.weight, done);
    open = open.filter(({ waiting }) => waiting.length > 0);
  }
  return done;
}

/** Answers what the line could not use. */
function serve(line: Line, worth: number, done: number[]): number {
  let rest = worth;
  while (line.waiting.length > 0 && rest >= line.left - CRUMB) {
    rest = Math.max(rest - line.left, 0);
    line.left = 1;
    const first = line.waiting.shift();
    if (first !== undefined) done.push(first);
  }
  if (line.waiting.length === 0) return rest;
  line.left -= rest;
  return 0;
}
