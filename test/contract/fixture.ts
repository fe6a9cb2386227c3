import type { Account } from '../../src/providers/provider.ts';
import type { ProviderFactory, ProviderSettings } from '../../src/providers/provider-settings.ts';
import type { Received } from '../support/loopback-server.ts';
import type { Declaration } from './declaration.ts';

/**
 * What the contract suite must be told about a provider: its wire format in its own words, and what
 * it can and cannot do. Everything here is written from the provider's documents and shares no code
 * with its adapter; signatures are made with node:crypto. The rules are in provider.contract.ts.
 */

/** One HTTP answer. Anything but a string or bytes is sent as JSON. */
export interface WireAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What a request to the stand-in is for. `aside`: free and in between, such as a token or a JWKS. */
export type Exchange =
  | 'submit'
  | 'check'
  | 'result'
  | 'prepare'
  | 'look-up'
  | 'cancel'
  | 'account'
  | 'aside';

/** How each exchange is answered; what is not named is answered by `Fixture.usual`. */
export type Answers = Readonly<Partial<Record<Exchange, WireAnswer>>>;

/** The stand-in provider that a fixture speaks for. */
export interface StandIn {
  /** `http://127.0.0.1:<port>`, no slash at the end. */
  readonly url: string;
}

/** What an answer means, in the words of generation/errors.ts and of Observation. */
export type Meaning =
  | { readonly is: 'live'; readonly status?: string }
  | { readonly is: 'completed' }
  | { readonly is: 'failed'; readonly code: string }
  | { readonly is: 'missing' }
  | { readonly is: 'Retryable'; readonly code: string; readonly retryAfterMs?: number | undefined }
  | { readonly is: 'Terminal'; readonly code: string }
  | { readonly is: 'OutcomeUnknown'; readonly code?: string };

/**
 * What a submission looks like on the wire. `form`: a multipart field is its text; a file is
 * `fileOf` the picture whose bytes it must have.
 */
export interface WireRequest {
  /** Default POST. */
  readonly method?: string;
  /** The path without its query. */
  readonly path: string;
  /** The query of a submission without a webhook URL. */
  readonly query?: Readonly<Record<string, string>>;
  /** The whole JSON body of a submission without a webhook URL. `REFERENCE` stands for our key. */
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string | readonly string[]>>;
}

/** One request for a model, in our words, and how it must look in the provider's. */
export interface Sample {
  readonly model: string;
  /** `IMAGES` below are the pictures to name. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly sends: WireRequest;
  /** For models that answer a submission with the result itself: that answer. */
  readonly inline?: WireAnswer;
}

/** A way in which results arrive. `model` where it is not the first sample's. */
export type ResultForm = { readonly model?: string } & (
  | {
      /** Links; `most` is how many one task may bring. */
      readonly kind: 'url';
      readonly most: number;
      readonly answers: (links: readonly string[]) => Answers;
    }
  | {
      /** Bytes, raw or base64, that we keep and give a link. */
      readonly kind: 'bytes';
      readonly answers: (bytes: Buffer) => Answers;
    }
  | {
      readonly kind: 'data';
      readonly answers: () => Answers;
      /** What the results' `data` must be, one for each result. */
      readonly data: readonly unknown[];
    }
);

/** A documented answer and what it means. */
export interface Documented {
  /** What it is, for the test's title: `429 OutOfCredits`. */
  readonly name: string;
  readonly answers: Answers;
  readonly means: Meaning;
}

/** An answer to a check, and what is made of it. */
export interface CheckAnswer extends Documented {
  /** Of the task that is asked about, where it is not the first sample's. */
  readonly model?: string;
  /** What the results link to, where that is told from the answer. */
  readonly links?: readonly string[];
  /** Words of the provider's that the reason passes on. */
  readonly says?: string;
}

/** An answer to a submission, and what is made of it. */
export interface SubmitAnswer {
  readonly name: string;
  readonly model?: string;
  readonly answer: WireAnswer;
  /** A `retryAfterMs` of undefined: no time is told. */
  readonly means: Meaning | { readonly is: 'accepted' };
  /** The whole of what is kept of the task. */
  readonly task?: { readonly id: string; readonly handle?: string };
  readonly links?: readonly string[];
  readonly says?: string;
}

/** An input, said by what is different in the first sample of its model; undefined: left out. */
export interface OtherInput {
  readonly model?: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Settings besides the usual ones, and what the refusal begins with. */
type RefusedSettings = readonly [Partial<ProviderSettings>, says: RegExp];

/** Which key signs: the live secret, the other live one, or nobody we know. */
export type Signer = 'first' | 'second' | 'stranger';

export interface WebhookFixture {
  /** Where the callback URL is in a submission; undefined when there is none. */
  readonly urlIn: (sent: Received) => string | undefined;
  /** The bodies as the provider writes them. `live` where it tells of live statuses. */
  readonly body: {
    readonly live?: (taskId: string, status: string) => unknown;
    readonly completed: (taskId: string, link: string) => unknown;
    readonly failed: (taskId: string) => unknown;
  };
  /** The reason of `body.failed`. */
  readonly failedCode: string;
  /** Further fields of a submission that names a webhook URL. */
  readonly asks?: Readonly<Record<string, unknown>>;
  /** Deliveries that are believed, and say less or other things than usual; about `taskId(1)`. */
  readonly readings?: readonly {
    readonly name: string;
    readonly body: unknown;
    readonly means: Meaning;
  }[];
  /** A delivery that another program signed, with the secret it used. */
  readonly vector?: {
    readonly secret: string;
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  /** Signatures as mistaken programs make them with a live secret. */
  readonly mistaken?: (body: Buffer, at: number) => readonly Readonly<Record<string, string>>[];
  /** Bodies that are JSON but no delivery of this provider, besides `{}`, `[]` and `null`. */
  readonly malformed?: readonly unknown[];
  /**
   * Signature headers over the exact bytes; absent when nothing is signed. Names in lower case.
   * `at`: Unix ms, for schemes that sign the time.
   */
  readonly sign?: (body: Buffer, signer: Signer, at: number) => Readonly<Record<string, string>>;
  /** The header that holds the signature, in lower case. */
  readonly signatureHeader?: string;
  /** How far the signed time may be from now; absent when no time is signed. */
  readonly toleranceMs?: number;
}

export interface Fixture {
  readonly name: string;
  /** For an adapter that is not in the registry. */
  readonly create?: ProviderFactory;
  readonly declares: Declaration;
  /** What an operator would set, with a key as long as a real one; both live secrets of a signed webhook. `baseUrl` is the stand-in's. */
  readonly settings: (standIn: StandIn) => ProviderSettings;
  /** Its webhooks are signed with a secret that its key can ask for: the settings need none. */
  readonly fetchesItsSecret?: true;
  /** Headers of every submission and check, lower case, with that key. */
  readonly auth: Readonly<Record<string, string>>;
  /** What a request is for. */
  readonly exchangeOf: (request: Received) => Exchange;
  /**
   * Healthy answers of everything besides the exchanges under test: tokens, uploads, keys. Of the
   * others too where it is handy; `accepted` need not be repeated here.
   */
  readonly usual?: (request: Received, standIn: StandIn) => WireAnswer | undefined;
  /** At least one for each model, and for each model one with every option it has. */
  readonly samples: readonly [Sample, ...Sample[]];
  /** Inputs at the bounds of what the models take, and beyond them. */
  readonly bounds: {
    readonly takes?: readonly OtherInput[];
    readonly refuses: readonly OtherInput[];
  };
  /** The words that are sent with pictures for which the app has none. */
  readonly ownWords?: (sent: Received) => unknown;
  /** Answers to a submission that say more, less or other things than usual. */
  readonly submitAnswers?: readonly SubmitAnswer[];
  /** The same of a check. */
  readonly checkAnswers?: readonly CheckAnswer[];
  readonly refusedSettings?: readonly RefusedSettings[];
  /** Where the path of tasks can be set: what is set, and what is asked for then. */
  readonly taskPath?: { readonly set: string; readonly sends: string; readonly asks: string };
  /** Whether its only model's name is looked at; with several models it always is. */
  readonly knowsItsModel?: true;
  /** An accepted submission of the first sample's kind. Adopted ids are made by `taskId`. */
  readonly accepted: (taskId: string, standIn: StandIn) => WireAnswer;
  /** The n-th task id, as the provider writes ids: `taskId(1)`. */
  readonly taskId: (n: number) => string;
  /** A status check that shows this word, as a live task would. Also words nobody documented. */
  readonly live: (status: string) => Answers;
  /** Every status word that is documented. Capitals as documented. */
  readonly statuses: readonly Documented[];
  readonly results: readonly [ResultForm, ...ResultForm[]];
  /** Documented run-time failures; `means.is` is `failed`. */
  readonly failures: readonly Documented[];
  /** Documented refusals of a submission, 4xx, 5xx and refusals under 200. */
  readonly submitErrors: readonly Documented[];
  /** Documented answers to a check that are no status. */
  readonly checkErrors: readonly Documented[];
  /** What a check of a task is answered that the provider does not know, or no longer. */
  readonly unknownTask?: readonly WireAnswer[];
  /** What the path of a check of this task looks like; absent when it cannot be told from the id. */
  readonly checkPath?: (taskId: string) => string;
  /** Where the reference for repeats is in a submission, unless `repeatSubmit` is `none`. */
  readonly referenceIn?: (sent: Received) => string | undefined;
  readonly webhook?: WebhookFixture;
  /** An accepted submission whose poll addresses are at another origin, and a handle like that. */
  readonly elsewhere?: {
    readonly accepted: (taskId: string, origin: string) => WireAnswer;
    readonly handle: (taskId: string, origin: string) => string;
    /** Accepted with addresses of the provider's own that are not where they usually are. */
    readonly moved: (taskId: string, origin: string) => WireAnswer;
    /** What is asked for then, when the task is finished, and where it is canceled. */
    readonly asks: readonly string[];
    readonly cancels?: string;
    /** What is asked for without an address that may be followed. */
    readonly usual: (taskId: string) => readonly string[];
  };
  readonly prepare?: {
    /** How many calls of `prepare` until it is done, for the first sample. */
    readonly steps: number;
    /** Whether the steps are calls to the provider. If not, they only load the pictures. */
    readonly asks: boolean;
    /** Whether the submission carries the pictures all the same, so that they are loaded again. */
    readonly loadsAgain?: true;
    /** What each step sends, in order. */
    readonly sends?: readonly WireRequest[];
    readonly errors: readonly Documented[];
  };
  readonly lookUp?: {
    readonly found: (taskId: string, reference: string) => Answers;
    readonly absent: Answers;
    /** What is asked for, with our key. */
    readonly path: (key: string) => string;
    /** Answers that say neither that it is there nor that it is not. */
    readonly unreadable: readonly WireAnswer[];
  };
  readonly cancel?: {
    readonly sends: {
      readonly method: string;
      readonly path: (taskId: string) => string;
      readonly body?: string;
    };
    readonly done: WireAnswer;
    /** The task had ended, or is unknown: harmless. */
    readonly tooLate: readonly WireAnswer[];
  };
  readonly account?: {
    readonly answer: WireAnswer;
    readonly means: Account;
    readonly path: string;
    /** Other shapes in which it is told. */
    readonly more?: readonly (readonly [body: unknown, means: Account])[];
  };
  /** For providers with tokens: what a check or submission is answered when the token is stale. */
  readonly staleToken?: WireAnswer;
}

/** The app's pictures. The suite serves the bytes where a provider wants bytes. */
export const IMAGES = {
  person: 'https://img.example.com/person.jpg',
  garment: 'https://img.example.com/garment.jpg',
  second: 'https://img.example.com/second.jpg',
} as const;

/** Stands in a `WireRequest` for the reference that makes repeats harmless. */
export const REFERENCE = '(reference)';

/** A file in a form: the picture at this URL, whole. */
export const fileOf = (url: string): string => `(file) ${url}`;

/** Links to results, for `ResultForm.answers` and webhooks. */
export const LINK = 'https://cdn.example.com/results/one.png';
