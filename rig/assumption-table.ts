import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What nobody has documented and the code goes by all the same: the comments marked ASSUMPTION. */
export interface Assumption {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
}

export const ASSUMPTIONS_PAGE = 'docs/assumptions.md';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** A comment whole: a block, or lines that follow each other. */
const COMMENT = /\/\*[\s\S]*?\*\/|(?:^[ \t]*\/\/.*\n?)+|\/\/.*$/gm;
const UNPROVEN = 'unproven';

/** Every assumption in the product's own code, in the order of the files. */
export function findAssumptions(folder = `${ROOT}src`): Assumption[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
  return files.flatMap((path) =>
    assumptionsIn(readFileSync(`${folder}/${path}`, 'utf8')).map((text) => ({
      file: `src/${path}`,
      text,
    })),
  );
}

/** Of each mark the sentence that it begins or, where it begins none, the one that it is in. */
export function assumptionsIn(source: string): string[] {
  return [...source.matchAll(COMMENT)].flatMap(([comment]) => {
    if (!comment.includes('ASSUMPTION')) return [];
    const text = wordsOf(comment);
    return [...text.matchAll(/ASSUMPTION(s?)/g)].map((mark) => sentenceAt(text, mark));
  });
}

function wordsOf(comment: string): string {
  return comment
    .replace(/^\s*\/\*+|\*\/\s*$/g, '')
    .replace(/^[ \t]*(?:\*|\/\/)[ \t]?/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Shorter, it says nothing without the sentence before it. */
const CLEAR_LENGTH = 45;

function sentenceAt(text: string, mark: RegExpExecArray): string {
  const before = text.slice(0, mark.index);
  const earlier = before
    .replace(/[(\s]+$/, '')
    .split(/(?<=\.)\s/)
    .at(-1)
    ?.replace(/\.$/, '');
  const behind = text.slice(mark.index + mark[0].length);
  const begun = /^[:,]\s*/.exec(behind);
  if (!begun || mark[1] === 's') return upToItsEnd(`${earlier} assumed${behind}`);
  const whole = upToItsEnd(behind.slice(begun[0].length));
  const sentence = before.endsWith('(') ? (whole.split(')')[0] ?? whole) : whole;
  const helps = earlier && !earlier.includes('ASSUMPTION');
  return sentence.length < CLEAR_LENGTH && helps ? `${earlier}: ${sentence}` : sentence;
}

/** A full stop, where another sentence or nothing follows. */
function upToItsEnd(text: string): string {
  return (/^[\s\S]*?(?=\.(?:\s+["'`(]?[A-Z]|\s*$)|\s*ASSUMPTION|$)/.exec(text)?.[0] ?? text).trim();
}

/** How to find out, by what the assumption speaks of; the first that fits. */
const PROOFS: readonly (readonly [RegExp, string])[] = [
  [/\b404\b|unknown (?:task|job)/i, 'record: the step `unknown-task`'],
  [
    /\blimits?\b|\brates?\b|counted|at once|under way|status checks/i,
    'record: the rate limit headers; otherwise ask the provider',
  ],
  [/links?\b.*\b(?:live|hour|day)/i, 'open a result’s link before and after that time'],
  [/balance|credit/i, 'record: the step `account`'],
  [/webhook/i, 'webhook.site, see [local-development.md](local-development.md)'],
  [/cancel/i, 'cancel a task that has ended, by hand'],
  [
    /fail|refus|error|code|content|sentence/i,
    'record with an input that is refused, such as a picture of nobody',
  ],
  [/./, 'record with `--compare`: the steps `submit` and `check`'],
];

function proofOf({ file, text }: Assumption): string {
  if (!/^src\/providers\/[\w-]+\//.test(file)) return 'it is about all providers: look it up';
  return PROOFS.find(([pattern]) => pattern.test(text))?.[1] ?? '';
}

const INTRODUCTION = `# What is assumed

The adapters follow published documentation. Where no document says, the code says \`ASSUMPTION\`, and this page lists every such comment of \`src\`. The table is written by \`npm run docs:assumptions\`, which keeps each state as it stands here.

States: *${UNPROVEN}*; *proven by record of* a day; *refuted by record of* a day, which is a defect until the code is mended. A record is what \`npx catwalk record\` writes, one paid generation: [local-development.md](local-development.md). Whoever has a key can change a state here in a minute, with the recording beside the change.

`;

/**
 * The page for these assumptions. States are taken over from the page as it was, by file and text:
 * what was changed in the code is unproven again.
 */
export function assumptionsPage(assumptions: readonly Assumption[], before: string): string {
  const states = new Map(rowsOf(before).map(({ file, text, state }) => [`${file} ${text}`, state]));
  const rows = assumptions.map(({ file, text }) => {
    const cell = text.replaceAll('|', '\\|');
    const state = states.get(`${file} ${cell}`) ?? UNPROVEN;
    return `| \`${file}\` | ${cell} | ${state} | ${proofOf({ file, text })} |\n`;
  });
  const head = '| where | what is assumed | state | how to find out |\n|---|---|---|---|\n';
  return INTRODUCTION + head + rows.join('');
}

/** The rows of the page. A bar within a cell is escaped. */
export function rowsOf(page: string): { file: string; text: string; state: string }[] {
  return [...page.matchAll(/^\| `(src\/[^`]+)` \| (.*) \|$/gm)].map(([, file = '', rest = '']) => {
    const [text = '', state = ''] = rest.split(/(?<!\\) \| /);
    return { file, text, state };
  });
}
