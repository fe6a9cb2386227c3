import { z } from 'zod';
import {
  MAX_IDEMPOTENCY_KEY,
  MAX_INPUT_CHARACTERS,
  MAX_METADATA_BYTES,
  TENANT,
} from '../config/limits.ts';
import { inPlainWords } from '../config/plain-words.ts';
import { InvalidRequest, type Problem } from '../generation/errors.ts';
import { fieldBelow, findJsonProblems } from '../generation/json-value.ts';
import { LANES } from '../generation/standing.ts';
import {
  checkPublicUrl,
  findUrlProblems,
  MAX_URL_LENGTH,
  type UrlPolicy,
} from '../outbound/url-policy.ts';

/** What an app asks for. The same shape over HTTP and in the library. */
export const GenerationRequest = z.strictObject({
  /** Which provider, for example `fashn`. */
  provider: z.string(),
  /** Which of its models, for example `tryon-v1.6`. */
  model: z.string(),
  /** What that model takes; images are public https URLs. */
  input: z.record(z.string(), z.unknown()),
  /** Yours; comes back unchanged with the completion event. At most 4 KB as JSON. */
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** Where Catwalk posts the signed completion event. */
  callbackUrl: z.string().max(MAX_URL_LENGTH).optional(),
  /** `batch`: a catalogue run, which comes after the shoppers of yours who wait. */
  lane: z.enum(LANES).optional(),
  /** `kept`: the completion is told when every result is kept, or lost. */
  results: z.literal('kept').optional(),
});
export type GenerationRequest = z.infer<typeof GenerationRequest>;

/** Who asks: comes from the API key, or from the library's caller. */
export const Requester = z.object({
  tenant: z.string().regex(TENANT.pattern, `takes ${TENANT.words}`),
  /** The app's own; remembered until 24 h after the end. */
  idempotencyKey: z.string().min(1).max(MAX_IDEMPOTENCY_KEY).optional(),
});
export type Requester = z.infer<typeof Requester>;

/** As much of a provider as is needed to accept a request for it. */
export interface KnownProvider {
  readonly models: Readonly<
    Record<string, { readonly input: z.ZodType<Record<string, unknown>>; readonly price?: string }>
  >;
  /** Present when the provider can call us. */
  readonly webhook?: unknown;
  readonly isTest?: boolean;
}

export interface CheckedRequest {
  readonly from: Requester;
  readonly request: GenerationRequest;
  readonly provider: KnownProvider;
  /** As the model's schema read it. */
  readonly input: Record<string, unknown>;
}

/** One thing that is wrong, and the code of a request with which nothing else is. */
interface Mistake extends Problem {
  readonly code: string;
  /** What lies inside the field cannot be judged either. */
  readonly coversInside?: true;
}

/** A request may hold thousands of mistakes of one kind; an answer need not. */
const MOST_LISTED = 50;
/** The request is the first level; `input` and `metadata` are the second. */
const SECOND_LEVEL = { depth: 2 } as const;
const PLAIN = { error: inPlainWords };
/** What the schema says of a value as a whole, although it has the right type. */
const STILL_JUDGED = ['too_big', 'too_small', 'custom'];

/**
 * Finds all that is wrong with a request, so that nobody mends it one refusal at a time.
 *
 * The refusal names every field (the first 50) in `problems`. Its `code` is for callers to compare:
 * `unknown_provider`, `unknown_model`, `url_not_allowed` or `metadata_too_large` when that is the one
 * kind of mistake in it, and `invalid_request` for any other kind and for several kinds together.
 *
 * Nothing is said that only follows from another mistake: without a known provider and model the
 * fields of `input` are not judged, nor is what lies inside a field that is wrong as a whole.
 * @throws InvalidRequest
 */
export function createRequestCheck(options: {
  providers: ReadonlyMap<string, KnownProvider>;
  allowInsecureUrls: boolean;
  keepsResults?: boolean;
}): (body: unknown, who: unknown) => CheckedRequest {
  const { providers } = options;
  const urlPolicy = { allowInsecure: options.allowInsecureUrls };

  return (body, who) => {
    const given = isRecord(body) ? body : {};
    const target = findTarget(given, providers);
    const input = checkInput(given['input'], target.input, urlPolicy);
    const metadata = checkMetadata(given['metadata']);
    const from = Requester.safeParse(who, PLAIN);
    const blank = {
      ...(input.isUnreadable && { input: {} }),
      ...(metadata.isUnreadable && { metadata: {} }),
    };
    const request = GenerationRequest.safeParse(
      isRecord(body) ? { ...body, ...blank } : body,
      PLAIN,
    );
    const mistakes = withoutRepeats([
      schemaMistakes(from.error),
      schemaMistakes(request.error),
      target.mistakes,
      ...input.mistakes,
      ...metadata.mistakes,
      checkCallback(given['callbackUrl'], urlPolicy),
      options.keepsResults || given['results'] === undefined ? [] : [NOTHING_IS_KEPT],
    ]);
    const { provider } = target;
    if (mistakes.length > 0 || !from.data || !request.data || !provider || !input.data) {
      throw refusal(mistakes);
    }
    return { from: from.data, request: request.data, provider, input: input.data };
  };
}

interface Target {
  readonly provider?: KnownProvider;
  /** The schema of the model's input. */
  readonly input?: z.ZodType<Record<string, unknown>>;
  readonly mistakes: readonly Mistake[];
}

/** What is wrong with one part of a request, group by group: an earlier group's word counts. */
interface Part {
  /** Not even the envelope's schema may look inside. */
  readonly isUnreadable: boolean;
  readonly mistakes: readonly (readonly Mistake[])[];
}

/** Whom the request is for. A name that is no text is the envelope's own mistake. */
function findTarget(
  given: Readonly<Record<string, unknown>>,
  providers: ReadonlyMap<string, KnownProvider>,
): Target {
  const { provider: providerName, model: modelName } = given;
  if (typeof providerName !== 'string') return { mistakes: [] };
  const provider = providers.get(providerName);
  if (!provider) return { mistakes: [unknown('provider', providerName, [...providers.keys()])] };
  if (typeof modelName !== 'string') return { provider, mistakes: [] };
  // Not what every object inherits: `constructor` is no model.
  const model = Object.hasOwn(provider.models, modelName) ? provider.models[modelName] : undefined;
  if (model) return { provider, input: model.input, mistakes: [] };
  return { provider, mistakes: [unknown('model', modelName, Object.keys(provider.models))] };
}

function unknown(field: 'provider' | 'model', got: string, known: readonly string[]): Mistake {
  const hint = known.length > 0 ? `use one of: ${known.join(', ')}` : 'none is configured';
  const message = `unknown ${field} "${got.slice(0, 64)}"; ${hint}`;
  return { code: `unknown_${field}`, field, message };
}

function checkInput(
  value: unknown,
  schema: z.ZodType<Record<string, unknown>> | undefined,
  policy: UrlPolicy,
): Part & { readonly data?: Record<string, unknown> | undefined } {
  if (!isRecord(value)) return { isUnreadable: false, mistakes: [] };
  // Absent and undefined mean the same to a schema.
  const found = findJsonProblems(value, { field: 'input', ...SECOND_LEVEL, mayBeAbsent: true });
  const { isUnreadable } = found;
  const asJson = found.problems.map(invalid);
  if (isUnreadable || !schema) return { isUnreadable, mistakes: [asJson] };
  if (JSON.stringify(value).length > MAX_INPUT_CHARACTERS) {
    return { isUnreadable: true, mistakes: [[INPUT_TOO_LARGE]] };
  }
  const { data, error } = schema.safeParse(value, PLAIN);
  const urls = findUrlProblems(data ?? value, policy).map(refusedUrl);
  return { isUnreadable, data, mistakes: [schemaMistakes(error, 'input'), asJson, urls] };
}

const INPUT_TOO_LARGE: Mistake = {
  code: 'invalid_request',
  field: 'input',
  message: `must be at most ${MAX_INPUT_CHARACTERS} characters as JSON; send pictures as URLs`,
};

function checkMetadata(value: unknown): Part {
  if (value === undefined) return { isUnreadable: false, mistakes: [] };
  const about = { field: 'metadata', ...SECOND_LEVEL, mayBeAbsent: false };
  const { problems, isUnreadable, isTooMuch } = findJsonProblems(value, about);
  if (isTooMuch) return { isUnreadable, mistakes: [[METADATA_TOO_LARGE]] };
  const asJson = problems.map(invalid);
  if (isUnreadable || !isRecord(value)) return { isUnreadable, mistakes: [asJson] };
  const isTooLarge = Buffer.byteLength(JSON.stringify(value)) > MAX_METADATA_BYTES;
  return { isUnreadable, mistakes: [asJson, isTooLarge ? [METADATA_TOO_LARGE] : []] };
}

const METADATA_TOO_LARGE: Mistake = {
  code: 'metadata_too_large',
  field: 'metadata',
  message: `must be at most ${MAX_METADATA_BYTES} bytes as JSON; keep an id here, not a document`,
};

const NOTHING_IS_KEPT: Mistake = {
  code: 'invalid_request',
  field: 'results',
  message: 'cannot be kept: this installation has no vault (VAULT_DIR or VAULT_S3_BUCKET)',
};

function checkCallback(url: unknown, policy: UrlPolicy): readonly Mistake[] {
  if (typeof url !== 'string') return [];
  const message = checkPublicUrl(url, policy);
  return message ? [refusedUrl({ field: 'callbackUrl', message })] : [];
}

function schemaMistakes(error: z.ZodError | undefined, within = ''): readonly Mistake[] {
  return (error?.issues ?? []).flatMap((issue): Mistake[] => {
    const field = issue.path.map(shownName).reduce<string>(fieldBelow, within);
    if (issue.code === 'unrecognized_keys') {
      const message = 'is not a known field';
      const fields = issue.keys.map((key) => fieldBelow(field, key));
      return fields.map((one) => ({ ...invalid({ field: one, message }), coversInside: true }));
    }
    const mistake = invalid({ field: field || 'body', message: issue.message });
    return [STILL_JUDGED.includes(issue.code) ? mistake : { ...mistake, coversInside: true }];
  });
}

/** Over HTTP the key is a header. */
function shownName(part: PropertyKey): PropertyKey {
  return part === 'idempotencyKey' ? 'Idempotency-Key' : part;
}

const invalid = (problem: Problem): Mistake => ({ code: 'invalid_request', ...problem });
const refusedUrl = (problem: Problem): Mistake => ({ code: 'url_not_allowed', ...problem });

/** Without what only follows from an earlier group's mistakes. */
function withoutRepeats(groups: readonly (readonly Mistake[])[]): readonly Mistake[] {
  const kept: Mistake[] = [];
  const settled = new Set<string>();
  const covered = new Set<string>();
  for (const group of groups) {
    const news = group.filter(({ field }) => !settled.has(field) && !isInside(field, covered));
    for (const { field, coversInside } of news) {
      settled.add(field);
      if (coversInside) covered.add(field);
    }
    kept.push(...news);
  }
  return kept;
}

function isInside(field: string, outer: ReadonlySet<string>): boolean {
  for (let at = field.lastIndexOf('.'); at > 0; at = field.lastIndexOf('.', at - 1)) {
    if (outer.has(field.slice(0, at))) return true;
  }
  return false;
}

function refusal(mistakes: readonly Mistake[]): InvalidRequest {
  const codes = [...new Set(mistakes.map(({ code }) => code))];
  const code = codes.length === 1 ? codes[0] : undefined;
  const listed = mistakes.slice(0, MOST_LISTED).map(({ field, message }) => ({ field, message }));
  const more = mistakes.length - listed.length;
  if (more > 0) listed.push({ field: 'body', message: `has ${more} more mistakes` });
  const summary = listed.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new InvalidRequest(code ?? 'invalid_request', summary, listed);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
