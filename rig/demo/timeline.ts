import { sayWithSeconds } from '../run-tool.ts';

/** A generation as the API shows it, as far as the demo looks. */
/** A result as far as the demo looks at it. */
interface ShownResult {
  readonly kind: string;
  readonly url?: string;
  readonly data?: unknown;
  readonly kept?: string;
  readonly keptUrl?: string;
  readonly bytes?: number;
}

export interface Shown {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly status: string;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly via: string | null;
  readonly polls: number;
  readonly results: readonly ShownResult[];
  /** What it cost: as the provider reported it, or what its list says. */
  readonly charge?: { amount?: number; unit?: string; listPrice?: string } | null;
  readonly reason: { code: string } | null;
  /** Why it is not being sent now. `until` is ISO 8601. */
  readonly hold: { reason: string; until: string } | null;
  readonly title?: string;
}

/** From here on a line for each change would be a flood; a counter is shown instead. */
export const MANY = 10;

/** Prints what happens as it happens: seconds since the start, then who and what. */
export function createTimeline() {
  const statuses = new Map<string, string>();
  /** By id: what the last line said. */
  const shown = new Map<string, string>();
  let counted = '';

  const say = sayWithSeconds();

  /** A line if the generation's status or hold is new. */
  const show = (generation: Shown, total: number): void => {
    const { id, status, hold } = generation;
    const seen = hold ? `${status} ${hold.reason}` : status;
    if (shown.get(id) === seen) return;
    shown.set(id, seen);
    statuses.set(id, status);
    if (total > MANY) {
      showCount(total);
      return;
    }
    const who = `${generation.provider.padEnd(18)} …${generation.id.slice(-6)}`;
    say(`${who}  ${generation.status.padEnd(10)} ${details(generation)}`);
  };

  const showCount = (total: number): void => {
    const all = [...statuses.values()];
    const final = all.filter((status) => status !== 'queued' && status !== 'processing').length;
    const tenths = Math.floor((final / total) * 10);
    const line = `${'█'.repeat(tenths)}${'░'.repeat(10 - tenths)}  ${all.length} asked, ${final} of ${total} final`;
    // A line each tenth (and at the first), so that a log stays readable.
    const key = `${tenths}${all.length === total}`;
    if (key !== counted) say(line);
    counted = key;
  };

  return { say, show };
}

/** An unsigned webhook is only believed after a status check; an inline result came at once. */
const HOW: Readonly<Record<string, string>> = {
  hint: 'by webhook, checked',
  submit: 'at once',
};

function details({ status, via, polls, reason, hold, title }: Shown): string {
  if (hold) return `on hold: ${hold.reason}, until ${clockTime(hold.until)}`;
  if (status === 'queued' && title) return `(${title})`;
  if (via === null) return '';
  const how = via === 'poll' ? `by poll ${polls}` : (HOW[via] ?? `by ${via}`);
  return reason ? `${how}: ${reason.code}` : how;
}

/** Hours, minutes and seconds of an ISO 8601 time, here. */
export function clockTime(iso: string): string {
  return new Date(iso).toTimeString().slice(0, 8);
}
