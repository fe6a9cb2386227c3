import { Agent, request } from 'undici';
import type { Clock } from './clock.ts';

/** One message, to be sent until it is accepted or given up. */
interface WebhookMessage {
  url: string;
  body: Buffer;
  /** Headers of one try, signature included. */
  headers(): Record<string, string>;
  /** Simulated pauses before the repeats; none means one try only. */
  retryDelaysMs: readonly number[];
  accepts(status: number): boolean;
  onTry(result: { tryNumber: number; answeredStatus: number | null }): void;
}

/** Sends the webhooks of all providers. */
export interface WebhookSender {
  /**
   * Delivers with repeats. `firstAnswer` resolves after the first try, `settled` when the message
   * was accepted or given up; neither rejects.
   */
  deliver(message: WebhookMessage): { firstAnswer: Promise<void>; settled: Promise<void> };
  /** Ends every delivery that is under way. */
  cancel(): void;
  close(): Promise<void>;
}

/** Sends webhooks; a receiver that has not answered after `receiverTimeoutMs` has not answered. */
export function createWebhookSender(clock: Clock, receiverTimeoutMs: number): WebhookSender {
  const agent = new Agent({ connections: 64, pipelining: 1 });
  let canceled = new AbortController();

  async function tryOnce(message: WebhookMessage, signal: AbortSignal): Promise<number | null> {
    try {
      const answer = await request(message.url, {
        method: 'POST',
        dispatcher: agent,
        headers: { 'content-type': 'application/json', ...message.headers() },
        body: message.body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(receiverTimeoutMs)]),
      });
      await answer.body.dump();
      return answer.statusCode;
    } catch {
      // Refused, reset, too slow or not a URL: for a sender these are all "no answer".
      return null;
    }
  }

  return {
    deliver(message) {
      const { signal } = canceled;
      const tryAndReport = async (tryNumber: number): Promise<boolean> => {
        const answeredStatus = await tryOnce(message, signal);
        if (!signal.aborted) message.onTry({ tryNumber, answeredStatus });
        return answeredStatus !== null && message.accepts(answeredStatus);
      };
      const repeat = async (isAccepted: boolean): Promise<void> => {
        let isDone = isAccepted;
        for (const [index, delayMs] of message.retryDelaysMs.entries()) {
          if (isDone) return;
          await clock.pause(delayMs);
          if (signal.aborted) return;
          isDone = await tryAndReport(index + 2);
        }
      };
      const first = tryAndReport(1);
      return { firstAnswer: first.then(() => undefined), settled: first.then(repeat) };
    },
    cancel() {
      canceled.abort();
      canceled = new AbortController();
    },
    close: () => agent.destroy(),
  };
}
