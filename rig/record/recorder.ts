import type { HttpAnswer, HttpClient, HttpRequest } from '../../src/outbound/http-client.ts';

/** What a call was made for. */
type Step = 'prepare' | 'submit' | 'check' | 'unknown-task' | 'account';

/** One call as it was made, private parts and all: it stays in memory. */
export interface RawExchange {
  readonly step: Step;
  readonly request: HttpRequest;
  /** Undefined where none came. */
  readonly answer: HttpAnswer | undefined;
}

export interface Recorder {
  readonly http: HttpClient;
  readonly exchanges: readonly RawExchange[];
  /** Notes the calls made meanwhile as made for this. One at a time. */
  during<T>(step: Step, work: () => Promise<T>): Promise<T>;
}

/** A client that makes every call as it was asked to, and remembers it. */
export function createRecorder(http: HttpClient): Recorder {
  const exchanges: RawExchange[] = [];
  let current: Step = 'prepare';
  return {
    exchanges,
    http: {
      async request(request) {
        const step = current;
        const answer = await http.request(request).catch((error: unknown) => {
          exchanges.push({ step, request, answer: undefined });
          throw error;
        });
        exchanges.push({ step, request, answer });
        return answer;
      },
      close: () => http.close(),
    },
    during(step, work) {
      current = step;
      return work();
    },
  };
}
