import { Retryable } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import type { ImageSource, LoadedImage } from '../../outbound/image-source.ts';
import { checkPictures, loadAll, multipart } from '../../outbound/multipart.ts';
import { startDeadline } from '../deadline.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { refusal } from '../refusal.ts';
import { parseInput, providerUrl } from '../wire-values.ts';
import { inputChecks, verdictOf } from './input-checks.ts';
import {
  Accepted,
  ApiError,
  errorText,
  observe,
  saysNoSuchTask,
  Task,
  TRYON,
  TryOnInput,
  taskForm,
} from './wire.ts';

/** What a call to FitRoom takes. */
interface Api {
  readonly http: HttpClient;
  readonly images: ImageSource;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<'x-api-key', string>>;
  readonly submitTimeoutMs: number | undefined;
  /** Whether FitRoom is asked about each picture before anything is paid. */
  readonly checksInputs: boolean;
}

/** ASSUMPTION: no document names FitRoom's limits. */
const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 5 };

/**
 * FitRoom: pictures as bytes, no webhook, no idempotency key. Its free checks of the pictures come
 * first, unless the settings say otherwise. Documents: see wire.ts.
 */
export function createFitRoom(options: ProviderOptions): ProviderAdapter {
  const { http, images, baseUrl = 'https://platform.fitroom.app', submitTimeoutMs } = options;
  const headers = { 'x-api-key': options.apiKey };
  const checksInputs = options.checkInputs ?? true;
  const api: Api = { http, images, baseUrl, headers, submitTimeoutMs, checksInputs };

  return {
    name: 'fitroom',
    models: { tryon: TRYON },
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'upload',
    prepare: (request) => prepare(api, request),
    submit: (request) => submit(api, request),
    check: (task) => check(api, task),
  };
}

async function prepare(api: Api, request: SubmitRequest) {
  const input = parseInput(TryOnInput, request.input);
  if (!api.checksInputs) return checkPictures(api.images, picturesOf(input), request.prepared);
  const checks = inputChecks(input);
  const passed = passedBefore(request);
  const next = checks[passed];
  if (!next) return { prepared: passedSoFar(checks.length), done: true };
  const answer = await api.http.request({
    kind: 'safe-to-retry',
    method: 'POST',
    url: providerUrl(api.baseUrl, next.path),
    headers: api.headers,
    body: multipart({ input_image: await api.images.load(next.picture) }),
  });
  const verdict = verdictOf(next, answer);
  if (verdict) throw verdict;
  return { prepared: passedSoFar(passed + 1), done: passed + 1 === checks.length };
}

/** How many pictures have passed, as it travels in `prepared`. */
const passedSoFar = (count: number): string => `passed ${count}`;

/** Nothing, when it is not ours to read: then they are looked at again. */
function passedBefore({ prepared }: SubmitRequest): number {
  return Number(/^passed (\d)$/.exec(prepared ?? '')?.[1] ?? 0);
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const { http, images, baseUrl, headers } = api;
  const input = parseInput(TryOnInput, request.input);
  if (api.checksInputs && passedBefore(request) < picturesOf(input).length) {
    throw new Retryable('unavailable', 'Not all pictures have been looked at');
  }
  const deadline = startDeadline(api.submitTimeoutMs);
  const loading = loadAll(images, picturesOf(input));
  const loaded = await deadline.before(loading, 'image_unavailable');
  // One picture for each URL.
  const [person, ...garments] = loaded as [LoadedImage, ...LoadedImage[]];
  const answer = await http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(baseUrl, '/api/tryon/v2/tasks'),
    headers,
    signal: deadline.signal,
    body: multipart(taskForm(input, person, garments)),
  });
  if (!answer.ok) throw refused(answer);
  return { task: { id: answer.read(Accepted).task_id } };
}

async function check({ http, baseUrl, headers }: Api, task: ProviderTask): Promise<Observation> {
  const url = providerUrl(baseUrl, `/api/tryon/v2/tasks/${encodeURIComponent(task.id)}`);
  const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
  const isUnknown = answer.status === 404 && saysNoSuchTask(answer.peek(ApiError));
  if (isUnknown) return { kind: 'missing' };
  if (!answer.ok) throw refused(answer);
  return observe(answer.read(Task));
}

function refused(answer: HttpAnswer) {
  return refusal(answer, errorText(answer.peek(ApiError)));
}

function picturesOf({ personImage, garmentImages }: TryOnInput): string[] {
  return [personImage, ...garmentImages];
}
