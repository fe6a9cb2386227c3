import type { Logger } from '../../config/log.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Circuits, Granted, Submission, SubmissionResult } from '../../store/circuit.ts';

export interface CircuitParts {
  readonly provider: ProviderAdapter;
  readonly circuits: Circuits;
  readonly log: Logger;
}

/**
 * Tells a model's circuit what a permitted submission showed, and logs when that opened or closed
 * it. Never fails: the circuit only spares submissions, and what it is told about has been saved.
 */
export async function reportToCircuit(
  { provider, circuits, log }: CircuitParts,
  submission: Submission,
  permit: Granted,
  result: SubmissionResult,
): Promise<void> {
  const line = { provider: provider.name, model: submission.model };
  try {
    const news = await circuits.report(submission, permit, result);
    if (news === 'closed') log.info(line, 'circuit closed: submissions go on');
    else if (news) {
      const { again, ...open } = news;
      const about = { ...line, ...open };
      if (again) log.warn(about, 'circuit still open: the probe failed');
      else log.error(about, 'circuit open: submissions wait');
    }
  } catch (err) {
    log.warn({ ...line, err }, 'circuit not informed');
  }
}
