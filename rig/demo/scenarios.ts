import type { Shown } from './timeline.ts';

/**
 * How a generation of the demo can end. Told apart from `failed`: nobody knows whether it was made
 * (`outcome_unknown`). From `queued`: nothing moves until somebody pays (`held`). From `completed`:
 * the link to the result is dead (`result_gone`).
 */
export type End = (typeof FINAL)[number] | 'outcome_unknown' | 'held' | 'result_gone';

const FINAL = ['completed', 'failed', 'timed_out', 'canceled'] as const;

interface Ends {
  readonly usually: readonly End[];
  readonly except?: Readonly<Record<string, readonly End[]>>;
}

/**
 * Made good by a webhook that names the generation, by a repeat that is safe, or by a search. These
 * offer none of them, and nobody pays twice on a guess.
 */
const ANSWER_LOST: Ends = {
  usually: ['completed'],
  except: {
    vtryon: ['outcome_unknown'],
    fitroom: ['outcome_unknown'],
    segmind: ['outcome_unknown'],
    'tryon-api': ['outcome_unknown'],
  },
};

/** What each scenario should bring; one that is not named should complete. */
const EXPECTED: Readonly<Record<string, Ends>> = {
  moderation: { usually: ['failed'] },
  failed: { usually: ['failed'] },
  // Segmind answers a submission with the result itself: one that never comes is a lost reply.
  stuck: { usually: ['timed_out'], except: { segmind: ['outcome_unknown'] } },
  slow: { usually: ['completed'], except: { segmind: ['completed', 'outcome_unknown'] } },
  'lost-reply': ANSWER_LOST,
  'gateway-timeout': ANSWER_LOST,
  'out-of-credit': { usually: ['held'] },
  // An error page proves nothing: where a repeat is not safe and no search finds the task, nobody
  // sends again. FASHN's own 500 says that it was not accepted; a page before its API does not.
  'server-errors': {
    usually: ['outcome_unknown'],
    except: {
      fitinview: ['completed'],
      fashn: ['completed'],
      'image-intelligence': ['completed'],
    },
  },
  'html-error': {
    usually: ['outcome_unknown'],
    except: { fitinview: ['completed'], 'image-intelligence': ['completed'] },
  },
  // No link, no dead one: these answer with the result itself.
  'result-expired': {
    usually: ['result_gone'],
    except: { 'image-intelligence': ['completed'], segmind: ['completed'] },
  },
};

/** @param workerDied one that dies while it sends may take the provider's answer with it. */
export function expectedEnds(
  scenario: string,
  provider: string,
  workerDied = false,
): readonly End[] {
  const ends = EXPECTED[scenario];
  const usual = ends?.except?.[provider] ?? ends?.usually ?? ['completed'];
  return workerDied ? [...new Set<End>([...usual, 'outcome_unknown'])] : usual;
}

/** How it has ended; undefined while more will happen. */
export function endOf(generation: Shown): End | undefined {
  const { status, reason, hold } = generation;
  if (status === 'queued') return hold?.reason === 'out_of_credit' ? 'held' : undefined;
  if (status === 'failed' && reason?.code === 'outcome_unknown') return 'outcome_unknown';
  return FINAL.find((end) => end === status);
}

/** What is to be expected, a line for each scenario; the providers that differ stand behind. */
export function expectedLines(plans: readonly { scenario: string; provider: string }[]): string[] {
  return [...new Set(plans.map(({ scenario }) => scenario))].map((scenario) => {
    const providers = new Set(
      plans.filter((plan) => plan.scenario === scenario).map(({ provider }) => provider),
    );
    const byEnds = new Map<string, string[]>();
    for (const provider of providers) {
      const ends = expectedEnds(scenario, provider).join(' or ');
      byEnds.set(ends, [...(byEnds.get(ends) ?? []), provider]);
    }
    const parts = [...byEnds].map(([ends, names]) =>
      byEnds.size === 1 ? ends : `${ends} (${names.join(', ')})`,
    );
    return `expected of ${scenario}: ${parts.join('; ')}`;
  });
}
