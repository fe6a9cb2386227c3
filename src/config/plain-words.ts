import type { z } from 'zod';

/**
 * What a schema finds wrong, for whoever wrote the value: words that follow the name of a field or
 * setting. For `safeParse`; a schema's own words come before these. Undefined leaves it to zod.
 */
export function inPlainWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required';
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      // A flag knows a dozen spellings; nobody needs them all.
      if (issue['expected'] === 'stringbool') return 'must be true or false';
      return `must be ${issue.values.length === 1 ? '' : 'one of: '}${issue.values.join(', ')}`;
    case 'too_small':
      return bound(issue.origin, Number(issue.minimum), issue.exact ? 'exactly' : 'at least');
    case 'too_big':
      return bound(issue.origin, Number(issue.maximum), issue.exact ? 'exactly' : 'at most');
    default:
      return undefined;
  }
}

/** By the name that zod has for it. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function bound(origin: string, limit: number, which: string): string | undefined {
  switch (origin) {
    case 'number':
    case 'int':
      return `must be ${which} ${limit}`;
    case 'string':
      return `must have ${which} ${limit} ${limit === 1 ? 'character' : 'characters'}`;
    case 'array':
      return `must have ${which} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
    default:
      return undefined;
  }
}
