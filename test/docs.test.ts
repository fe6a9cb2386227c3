import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { simulatedAccounts } from '../rig/simulated-accounts.ts';
import { readSettings } from '../src/config/settings.ts';
import { LANES } from '../src/generation/standing.ts';
import { connectProviders } from '../src/providers/connect.ts';
import { keysOf } from '../src/store/keys.ts';
import { bearer, setup } from './http/setup.ts';
import { MAY_IMPORT } from './support/may-import.ts';

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** What npm puts into the package beside `files`, whatever they say. */
const ALWAYS_SHIPPED = ['package.json', 'README.md', 'LICENSE'];
const { version, files, scripts } = z
  .object({
    version: z.string(),
    files: z.array(z.string()),
    scripts: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(read('package.json')));

/** Where a page's relative links lead, from the root of the repository. */
const linksOf = (page: string): string[] =>
  [...read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map(([, link]) => link ?? '')
    .filter((link) => !/^https?:/.test(link))
    .map((link) => join(dirname(page), link));
const isShipped = (path: string): boolean =>
  [...ALWAYS_SHIPPED, ...files].some((one) => path === one || path.startsWith(`${one}/`));

test.each(PAGES)('every file that %s links to is there', (page) => {
  expect(linksOf(page).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test.each(PAGES)('every file that %s links to is in the package with it', (page) => {
  expect(isShipped(page)).toBe(true);
  expect(linksOf(page).filter((path) => !isShipped(path))).toEqual([]);
});

test.each(PAGES)('every heading that %s links to is there', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#\s]*)#([^)\s]+)\)/g)].filter(
    ([, file]) => !file?.startsWith('http'),
  );
  const missing = links.filter(([, file = '', heading = '']) => {
    const target = file === '' ? page : join(dirname(page), file);
    const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(/\s/g, '-'),
    );
    return !headings.includes(heading);
  });
  expect(missing.map(([link]) => link)).toEqual([]);
});

test('these rules see a link to a place, and what is not shipped', () => {
  expect(linksOf('docs/operating.md')).toContain('docs/architecture.md');
  expect(linksOf('README.md')).toContain('docs/images/flow.svg');
  expect(['docs/api.md', 'LICENSE', 'test/docs.test.ts', 'docserver/x.md'].map(isShipped)).toEqual([
    ...[true, true, false, false],
  ]);
});

test('every page of docs is linked to from the README', () => {
  const pages = PAGES.filter((page) => /^docs\/[^/]+\.md$/.test(page));
  const linked = linksOf('README.md');
  expect(pages.filter((page) => !linked.includes(page))).toEqual([]);
});

test('the README has fewer than 1,500 words', () => {
  expect(read('README.md').split(/\s+/).length).toBeLessThan(1_500);
});

test('the README has the two commands that continuous integration runs, as they stand', () => {
  for (const command of ['npm ci && npm run demo', 'npm ci && npm test']) {
    expect(read('README.md')).toContain(`\`\`\`sh\n${command}\n\`\`\`\n`);
    expect(read('.ci/run')).toContain(`step '${command}'`);
  }
});

test.each(PAGES)('every file of the repository that %s names is there', (page) => {
  const folders = 'src|simulator|rig|bench|chaos|attack|test|docs|examples';
  const named = [...read(page).matchAll(new RegExp(`\`((?:${folders})/[\\w./-]+)\``, 'g'))];
  const missing = named.filter(([, path = '']) => !existsSync(join(ROOT, path)));
  expect(missing.map(([, path]) => path)).toEqual([]);
});

test('the rooms in docs/architecture.md are those of the rule, and import what it allows', () => {
  const [, section = ''] = /^## The rooms$(.*?)^## /ms.exec(read('docs/architecture.md')) ?? [];
  const rows = [...section.matchAll(/^\| `([\w.-]+)` \|.*\| ([^|]+) \|$/gm)];
  const rooms = rows.map(([, room = '', may = '']) => [
    room,
    may === 'itself' ? [] : may.split(', '),
  ]);
  expect(Object.fromEntries(rooms)).toEqual(MAY_IMPORT);
});

test('docs/architecture.md lists the Redis keys there are', () => {
  const { prefix: _, records: __, ...keys } = keysOf('catwalk');
  const hashed = /[0-9a-f]{16,}|[\w-]{22,}$/;
  const there = [
    ...[keys.record, keys.keptResults].map((key) => key('<generation>')),
    ...[keys.usage('<tenant>', '<date>'), `${keys.counted('')}<part of the id>`],
    ...[keys.idempotency('<tenant>', '<hash>')],
    ...[
      keys.checks,
      keys.pollBudget,
      keys.owed,
      keys.owedBudget,
      keys.turns,
      keys.lanes,
      keys.served,
      keys.pace,
      keys.moves,
      keys.circuits,
      keys.running,
      keys.quota,
      keys.quotaLease,
    ].map((key) => key('<provider>')),
    keys.rate('<tenant>'),
    keys.endpoints('<tenant>'),
    keys.endpointsWaitedFor('<tenant>'),
    ...[keys.callbacksUnderWay, keys.callbackLines].map((key) =>
      key('<lane>' as never, '<tenant>'),
    ),
    keys.busy('<provider>', '<tenant>'),
    ...LANES.map((lane) => keys.line('<provider>', '<tenant>', lane)),
    ...[keys.task, keys.parked].map((key) => key('<provider>', 'a').replace(hashed, '<hash>')),
    ...Object.values(keys).filter((key) => typeof key === 'string'),
  ];
  const listed = read('docs/architecture.md').matchAll(/^\| `(\{catwalk\}:[^`…]+)` \|/gm);
  expect([...listed].map(([, key]) => key).sort()).toEqual(there.sort());
});

test('each decision has a number of its own, the same in its title', () => {
  const pages = PAGES.filter((page) => page.startsWith('docs/decisions/'));
  const titled = pages
    .map((page) => Number(/^# (\d+)\. /.exec(read(page))?.[1]))
    .sort((a, b) => a - b);
  const named = pages.map((page) => Number(/(\d{4})-/.exec(page)?.[1])).sort((a, b) => a - b);
  expect(titled).toEqual(pages.map((_, index) => index + 1));
  expect(named).toEqual(titled);
});

test.each(PAGES)('every npm script that %s names is one', (page) => {
  const named = [...read(page).matchAll(/npm run (?:--silent )?([a-z][\w:]*)/g)].map(
    ([, name]) => name ?? '',
  );
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test.each(PAGES)('every program that %s runs as `npx catwalk …` is one', (page) => {
  const programs = [...read('rig/catwalk.ts').matchAll(/^ {2}(\w+): \{/gm)].map(([, name]) => name);
  expect(programs).toContain('worker');
  const named = [...read(page).matchAll(/npx catwalk (?!--)([\w-]+)/g)].map(([, name]) => name);
  expect(named.filter((name) => !programs.includes(name))).toEqual([]);
});

test('every packed file that a page names is the one that npm pack makes', () => {
  const named = PAGES.flatMap((page) => read(page).match(/catwalk-[\d.]+\.tgz/g) ?? []);
  expect(named.length).toBeGreaterThan(1);
  expect(new Set(named)).toEqual(new Set([`catwalk-${version}.tgz`]));
});

test('no page names a compiled program whose source is not there', () => {
  const named = PAGES.flatMap((page) => [...read(page).matchAll(/\bdist\/([\w/-]+)\.js/g)]);
  expect(named.length).toBeGreaterThan(3);
  const missing = named.filter(([, path]) => !existsSync(join(ROOT, `${path}.ts`)));
  expect(missing.map(([file]) => file)).toEqual([]);
});

test('what docs/providers.md says that every model which dresses a person takes is what each takes', () => {
  const { providers } = connectProviders(readSettings(simulatedAccounts(NOWHERE).env(NOWHERE)));
  const models = [...providers].flatMap(([provider, { models }]) =>
    Object.values(models).map(({ about, input }) => ({ provider, about, input })),
  );
  const dressing = models.filter(({ about }) => /\bDresses a person\b/.test(about));
  const picture = 'https://images.example.com/a.png';
  const leastInput = { personImage: picture, garmentImages: [picture] };
  const more = dressing.flatMap(({ provider, input }) => {
    const schema = z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' });
    expect(schema.required?.slice().sort(), provider).toEqual(['garmentImages', 'personImage']);
    const wrong = input.safeParse(leastInput).error?.issues ?? [];
    return wrong.map(({ path }) => `\`${provider}\` also needs \`${path.join('.')}\``);
  });
  const others = models.filter((model) => !dressing.includes(model));
  for (const { input } of others) {
    // One that would invent a person may be given one.
    const { required = [] } = z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' });
    if (required.includes('personImage')) {
      expect(input.safeParse(leastInput).success).toBe(false);
    }
  }
  expect(dressing.length).toBeGreaterThan(8);
  expect(read('docs/providers.md').match(/`[\w-]+` also needs `\w+`/g)).toEqual(more);

  const types = ['upper', 'lower', 'full_set'];
  expect(read('docs/providers.md')).toContain('`clothType` (`upper`, `lower` or `full_set`)');
  const fitroom = providers.get('fitroom')?.models['tryon']?.input;
  for (const clothType of types) {
    expect(fitroom?.safeParse({ ...leastInput, clothType }).success, clothType).toBe(true);
  }
});

const Provider = z.object({
  provider: z.string(),
  models: z.array(z.string()),
  webhook: z.object({ scope: z.string(), trust: z.string() }).nullable(),
  repeatSubmit: z.string(),
  inputs: z.string(),
  canCancel: z.boolean(),
});
const REPEATED: Readonly<Record<string, string>> = {
  none: 'paid again',
  search: 'found by search',
  'idempotency-key': 'harmless: idempotency key',
};

/** A row of the table in docs/providers.md, as far as `GET /v1/providers` tells it. */
function rowOf({ provider, models, webhook, repeatSubmit, inputs }: z.infer<typeof Provider>) {
  const hook = webhook?.scope === 'account' ? 'account-wide webhook' : 'webhook';
  return {
    provider: `\`${provider}\``,
    models: models.map((model) => `\`${model}\``).join(', '),
    notified: webhook ? `${hook}, poll` : 'poll',
    isSigned: webhook ? webhook.trust === 'signature' : undefined,
    repeated: REPEATED[repeatSubmit],
    inputs: inputs === 'url' ? 'links' : 'uploads',
  };
}

test('the table of docs/providers.md says what GET /v1/providers answers', async () => {
  const { call } = await setup(simulatedAccounts(NOWHERE).env(NOWHERE));
  const answer = await (await call('/v1/providers', { headers: bearer('shop') })).json();
  const { providers } = z.object({ providers: z.array(Provider) }).parse(answer);
  const page = read('docs/providers.md');
  const rows = [...page.matchAll(/^\| `.*$/gm)].map(([line]) => {
    const [, provider, models, notified, signature = '', repeated, inputs] = line
      .split('|')
      .map((cell) => cell.trim());
    return {
      ...{ provider, models, notified: notified?.replace(', or at once', '') },
      isSigned: signature === '–' ? undefined : signature !== 'none: checked',
      ...{ repeated: repeated?.replace(/, \d+ h$/, ''), inputs: inputs?.replace(/,.*$/, '') },
    };
  });
  expect(rows).toEqual(providers.map(rowOf));
  const canceling = providers.filter(({ canCancel }) => canCancel);
  const names = canceling.map(({ provider }) => `\`${provider}\``).join(', ');
  expect(page).toContain(`cancels passed on where the provider can (${names})`);
});
