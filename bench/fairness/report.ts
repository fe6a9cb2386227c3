import { columns, type Figure, figureAtMost } from '../tenants/promises.ts';
import type { Case } from './cases.ts';
import type { TenantShare } from './compare.ts';
import type { Cost } from './cost.ts';
import type { Measured } from './measure.ts';

/** How the load of one case was served by each. */
export interface CaseResult {
  readonly one: Case;
  readonly catwalk: Measured;
  readonly fifo: Measured;
  readonly line: Measured;
}

const MOST_DEVIATION = 5;
const LEAST_USED = 98;
const MOST_MORE = 10;
/** More tenants than these are told by examples. */
const MOST_ROWS = 10;

/** Each tenant's share and wait, beside the ideal and plain BullMQ's. */
export function caseTable({ one, catwalk, fifo, line }: CaseResult): string {
  const rows = rowsOf(catwalk.tenants.length).map((n) => {
    const [own, first, second] = [catwalk.tenants[n], fifo.tenants[n], line.tenants[n]];
    if (!own || !first || !second) throw new Error(`The measurements know no tenant ${n}.`);
    return [
      own.tenant,
      String(own.weight),
      String(own.asked),
      String(own.idealSent),
      seconds(own.idealWaitMs),
      ...[own, first, second].flatMap(({ sent, waitMs }: TenantShare) => [
        String(sent),
        seconds(waitMs),
      ]),
    ];
  });
  const plain = ['BullMQ fifo', 'wait', 'BullMQ priority', 'wait'];
  const head = ['tenant', 'weight', 'asked', 'ideal', 'wait', 'Catwalk', 'wait', ...plain];
  const all = [catwalk, fifo, line];
  const summary = [
    ['furthest from the ideal', ...all.map((found) => percent(found.largestDeviation))],
    ['capacity used', ...all.map((found) => percent(found.capacityUsed))],
  ];
  const names = ['', 'Catwalk', 'BullMQ fifo', 'BullMQ priority'];
  return `\n${one.name}\n\n${columns([head, ...rows])}\n${columns([names, ...summary])}`;
}

/** The flood, the smallest, the largest and three between. */
function rowsOf(count: number): number[] {
  if (count <= MOST_ROWS) return Array.from({ length: count }, (_, n) => n);
  return [0, 1, ...[0.25, 0.5, 0.75, 1].map((share) => Math.round((count - 1) * share))];
}

const seconds = (ms: number): string => (Number.isNaN(ms) ? '-' : `${(ms / 1000).toFixed(1)} s`);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

export function caseFigures({ one, catwalk }: CaseResult): Figure[] {
  return [
    figureAtMost(
      {
        ...figure(
          `deviation, ${one.name}`,
          `furthest from the ideal, beyond one turn: ${one.name}`,
          '%',
        ),
        value: catwalk.largestDeviation * 100,
      },
      MOST_DEVIATION,
    ),
    {
      ...figure(`used, ${one.name}`, `capacity used: ${one.name}`, '%'),
      value: catwalk.capacityUsed * 100,
      promise: {
        text: `>= ${LEAST_USED}.0`,
        isKept: catwalk.capacityUsed * 100 >= LEAST_USED,
      },
    },
  ];
}

export function costFigures(tenants: number, cost: { alone: Cost; many: Cost }): Figure[] {
  const { alone, many } = cost;
  const among = `one of ${tenants} tenants`;
  const more = (name: keyof Cost): number => (many[name] / alone[name] - 1) * 100;
  const fact = (name: string, label: string, unit: string, value: number): Figure => ({
    ...figure(name, label, unit),
    digits: 2,
    value,
  });
  return [
    fact('commandsAlone', 'Redis commands a submission, one tenant alone', '', alone.commands),
    fact('commandsMany', `Redis commands a submission, ${among}`, '', many.commands),
    figureAtMost({ ...figure('commandsMore', 'more', '%'), value: more('commands') }, MOST_MORE),
    fact('workerCpuAlone', 'worker CPU a submission, one tenant alone', 'ms', alone.workerCpuMs),
    fact('workerCpuMany', `worker CPU a submission, ${among}`, 'ms', many.workerCpuMs),
    figureAtMost(
      { ...figure('workerCpuMore', 'more', '%'), value: more('workerCpuMs') },
      MOST_MORE,
    ),
    fact('webCpuAlone', 'web CPU a submission, one tenant alone', 'ms', alone.webCpuMs),
    fact('webCpuMany', `web CPU a submission, ${among}`, 'ms', many.webCpuMs),
    figureAtMost({ ...figure('webCpuMore', 'more', '%'), value: more('webCpuMs') }, MOST_MORE),
  ];
}

function figure(name: string, label: string, unit: string) {
  return { name, label, unit, digits: 1 };
}
