import QuickLRU from 'quick-lru';
import type {
  AcceptedEntry,
  ProviderLedger,
  RefusedEntry,
  ReplayEntry,
  UploadEntry,
  WebhookAttempt,
} from './ledger-entries.ts';

/** Entries kept per list and provider, at least; `forgotten` counts the old ones that were dropped. */
const MAX_ENTRIES = 100_000;

/** Writes down what happens at one provider. Events about tasks it no longer holds are passed over. */
export interface LedgerRecorder {
  accepted(entry: AcceptedEntry): void;
  refused(entry: RefusedEntry): void;
  replayed(entry: ReplayEntry): void;
  uploaded(entry: UploadEntry): void;
  searched(): void;
  tokenIssued(): void;
  finished(taskId: string, end: { status: string; atMs: number; creditsRefunded: number }): void;
  polled(taskId: string, isKnown: boolean): void;
  cancelRequested(taskId: string): void;
  webhookTried(taskId: string, attempt: WebhookAttempt): void;
  /** A copy that later events do not change. */
  read(creditsLeft: number): ProviderLedger;
  clear(): void;
}

/** Everything but the submissions, which are found by their task. */
type Lists = Omit<ProviderLedger, 'creditsLeft' | 'accepted'>;

const emptyLists = (): Lists => ({
  refused: [],
  replays: [],
  uploads: [],
  unknownPolls: 0,
  searches: 0,
  tokensIssued: 0,
  forgotten: 0,
});

/** A recorder that has written nothing yet. */
export function createLedgerRecorder(): LedgerRecorder {
  let lists = emptyLists();
  const accepted = new QuickLRU<string, AcceptedEntry>({
    maxSize: MAX_ENTRIES,
    onEviction: () => {
      lists.forgotten += 1;
    },
  });
  // Looking at an entry must not make it younger: they are told, and forgotten, in their order.
  const entryOf = (taskId: string): AcceptedEntry | undefined => accepted.peek(taskId);

  function pushBounded<Entry>(list: Entry[], entry: Entry): void {
    list.push(entry);
    if (list.length > MAX_ENTRIES) {
      list.shift();
      lists.forgotten += 1;
    }
  }

  return {
    accepted: (entry) => void accepted.set(entry.taskId, entry),
    refused: (entry) => pushBounded(lists.refused, entry),
    replayed(entry) {
      pushBounded(lists.replays, entry);
      const original = entryOf(entry.taskId);
      if (original) original.replays += 1;
    },
    uploaded: (entry) => pushBounded(lists.uploads, entry),
    searched: () => {
      lists.searches += 1;
    },
    tokenIssued: () => {
      lists.tokensIssued += 1;
    },
    finished(taskId, { status, atMs, creditsRefunded }) {
      const entry = entryOf(taskId);
      if (entry) Object.assign(entry, { finalStatus: status, doneAtMs: atMs, creditsRefunded });
    },
    polled(taskId, isKnown) {
      if (!isKnown) lists.unknownPolls += 1;
      const entry = entryOf(taskId);
      if (entry) entry.polls += 1;
    },
    cancelRequested(taskId) {
      const entry = entryOf(taskId);
      if (entry) entry.cancelRequests += 1;
    },
    webhookTried: (taskId, attempt) => entryOf(taskId)?.webhookAttempts.push(attempt),
    read(creditsLeft) {
      const entries = [...accepted.entriesAscending()].map(([, entry]) => entry);
      return structuredClone({ creditsLeft, accepted: entries, ...lists });
    },
    clear() {
      accepted.clear();
      lists = emptyLists();
    },
  };
}
