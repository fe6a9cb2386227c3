import type { Exchange, Recording } from './recording.ts';

/** Where a status word stands: there the words count, elsewhere only the types. */
const STATUS = /(?:^|\.)(?:status|state)$/i;

/**
 * What differs in shape between a real recording and the simulated one, a line each; none where they
 * are alike. Values never count: only calls, statuses, fields, types and status words.
 */
export function differences(real: Recording, simulated: Recording): string[] {
  const [ours, theirs] = [callsOf(real), callsOf(simulated)];
  const ends = real.end === simulated.end ? [] : [`end: ${real.end}; simulated: ${simulated.end}`];
  const calls = [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((call) => {
    const [here, there] = [ours.get(call), theirs.get(call)];
    if (!there) return [`${call}: only the real provider was asked this`];
    if (!here) return [`${call}: only the simulated provider was asked this`];
    return fieldsOf(here, there).map((line) => `${call}: ${line}`);
  });
  return [...ends, ...calls];
}

/** What answers to one call hold: field → its types, or its words. */
type Fields = Map<string, Set<string>>;

/** By step, method and path. */
function callsOf({ exchanges }: Recording): Map<string, Fields> {
  const calls = new Map<string, Fields>();
  for (const exchange of exchanges) {
    const call = `${exchange.step} ${exchange.method} ${exchange.path}`;
    const fields: Fields = calls.get(call) ?? new Map();
    calls.set(call, fields);
    gather(fields, exchange);
  }
  return calls;
}

function gather(fields: Fields, { answer }: Exchange): void {
  const add = (field: string, what: string): void => {
    fields.set(field, (fields.get(field) ?? new Set()).add(what));
  };
  add('(status)', String(answer?.status ?? 'no answer'));
  for (const [name, value] of Object.entries(answer?.headers ?? {})) {
    if (value !== null) add(`(header ${name})`, 'there');
  }
  const walk = (path: string, value: unknown): void => {
    if (Array.isArray(value)) {
      add(path, 'list');
      for (const item of value) walk(`${path}[]`, item);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) walk(path ? `${path}.${name}` : name, item);
    } else {
      add(path || '(body)', kindOf(path, value));
    }
  };
  walk('', answer?.body ?? null);
}

function kindOf(path: string, value: unknown): string {
  if (typeof value !== 'string') return value === null ? 'null' : typeof value;
  if (STATUS.test(path)) return `"${value}"`;
  return /^<[a-z-]+(?: [\w/+.-]+)?>$/.test(value) ? value : 'text';
}

function fieldsOf(here: Fields, there: Fields): string[] {
  return [...new Set([...here.keys(), ...there.keys()])].flatMap((field) => {
    const say = (fields: Fields): string =>
      [...(fields.get(field) ?? ['absent'])].sort().join(' or ');
    const words = [...(here.get(field) ?? [])].filter((word) => !there.get(field)?.has(word));
    // Which live words are met is a matter of timing: only those that are news count.
    if (STATUS.test(field) && there.has(field)) {
      return words.map((word) => `${field} says ${word}, which the simulated one did not`);
    }
    const [real, simulated] = [say(here), say(there)];
    return real === simulated ? [] : [`${field} is ${real}; simulated: ${simulated}`];
  });
}
