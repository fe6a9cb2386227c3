import type { z } from 'zod';
import { Environment, PROVIDER_NAMES, ProviderEnvironment, providerVariable } from './env.ts';
import { aboutOf } from './variables.ts';

/** The page that holds the settings table, from the root of the repository. */
export const SETTINGS_PAGE = 'docs/settings.md';

/** Where the page keeps the table; what is between the two is replaced. */
export const TABLE_MARKERS = { begin: '<!-- settings -->', end: '<!-- /settings -->' } as const;

type Shape = Readonly<Record<string, z.ZodType>>;

/** The text of `.env.example`: every variable, each with what it does, all commented out. */
export function renderEnvExample(): string {
  const sections = [
    '# Catwalk’s settings. Copy this file to .env and take the # off what you set.\n' +
      '# Written by `npm run docs:settings` from src/config/env.ts.\n',
    ...entries(Environment.shape),
    ...PROVIDER_NAMES.flatMap((name) => [
      `# ── the provider ${name} ──\n`,
      ...entries(ProviderEnvironment.shape, providerVariable(name, '')),
    ]),
  ];
  return sections.join('\n');
}

/** The table, as Markdown. A provider's variables stand in it once, for all providers. */
export function renderSettingsTable(): string {
  const prefixes = PROVIDER_NAMES.map((name) => `\`${providerVariable(name, '').slice(0, -1)}\``);
  return [
    '| Variable | Default | What it does |',
    '|---|---|---|',
    ...rows(Environment.shape),
    ...rows(ProviderEnvironment.shape, '<PROVIDER>_'),
    '',
    `\`<PROVIDER>\` is ${prefixes.join(' or ')}.`,
  ].join('\n');
}

/** The text with the settings table between its markers; unchanged when it has no markers. */
export function withSettingsTable(text: string): string {
  const begin = text.indexOf(TABLE_MARKERS.begin);
  const end = text.indexOf(TABLE_MARKERS.end);
  if (begin < 0 || end < begin) return text;
  const before = text.slice(0, begin + TABLE_MARKERS.begin.length);
  return `${before}\n${renderSettingsTable()}\n${text.slice(end)}`;
}

function entries(shape: Shape, prefix = ''): string[] {
  return Object.entries(shape).map(([key, schema]) => {
    const { about, secret, example } = aboutOf(schema);
    const value = defaultOf(schema) || example || '';
    return `# ${about}${secret ? ' Secret.' : ''}\n#${prefix}${key}=${value}\n`;
  });
}

function rows(shape: Shape, prefix = ''): string[] {
  return Object.entries(shape).map(([key, schema]) => {
    const { about, secret } = aboutOf(schema);
    const fallback = defaultOf(schema);
    const cells = [
      `\`${prefix}${key}\``,
      fallback && `\`${fallback}\``,
      `${about}${secret ? ' **Secret.**' : ''}`,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
}

/** What an unset variable means, as it would be written; empty when it means nothing. */
function defaultOf(schema: z.ZodType): string {
  const value = schema.parse(undefined);
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? '' : String(value);
}
