import type { Logger } from '../../config/log.ts';
import type { ProviderAdapter } from '../../providers/provider.ts';
import type { Circuits, Granted, SubmissionResult } from '../../store/circuit.ts';

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
  model: string,
  permit: Granted,
  result: SubmissionResult,
): Promise<void> {
  const line = { provider: provider.name, model };
  try {
    const news = await circuits.report(model, permit, result);
    if (news === 'closed') log.info(line, 'circuit closed: submissions go on');
    else if (news) log.error({ ...line, ...news }, 'circuit open: submissions wait');
  } catch (err) {
    log.warn({ ...line, err }, 'circuit not informed');
  }
}
