import { OutcomeUnknown } from '../../generation/errors.ts';
import type { Outcome, ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import type { ImageSource, LoadedImage } from '../../outbound/image-source.ts';
import { checkPictures, loadAll, multipart } from '../../outbound/multipart.ts';
import { startDeadline } from '../deadline.ts';
import type { FileStore } from '../files.ts';
import { createKeptAddresses, type KeptAddresses } from '../kept-addresses.ts';
import { completedFrom } from '../kept-results.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { failed } from '../reasons.ts';
import { refusal } from '../refusal.ts';
import { parseInput, providerUrl } from '../wire-values.ts';
import { Job, type JobView, saysNoSuchJob, TRYON, TryOnInput, textOf, viewOf } from './wire.ts';

/** What a call to tryon-api.com takes, where its pictures come from and its results go. */
interface Api {
  readonly http: HttpClient;
  readonly images: ImageSource;
  readonly files: FileStore;
  readonly baseUrl: string;
  readonly headers: { readonly authorization: string };
  readonly addresses: KeptAddresses;
  readonly submitTimeoutMs: number | undefined;
}

/** ASSUMPTION: the documentation says that there are limits, but not which. */
const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 5 };

/**
 * tryon-api.com's job API: pictures as bytes, no webhook that is documented, no idempotency key.
 * Documents: see wire.ts.
 * The status address that a submission brings is followed on the base URL's origin only; for any
 * other there is the documented path.
 */
export function createTryOnApi(options: ProviderOptions): ProviderAdapter {
  const { http, images, files, submitTimeoutMs, baseUrl = 'https://tryon-api.com' } = options;
  const api: Api = {
    http,
    images,
    files,
    baseUrl,
    headers: { authorization: `Bearer ${options.apiKey}` },
    addresses: createKeptAddresses(baseUrl),
    submitTimeoutMs,
  };

  return {
    name: 'tryon-api',
    models: { tryon: TRYON },
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'upload',
    prepare: (request) => prepare(api, request),
    submit: (request) => submit(api, request),
    check: (task) => check(api, task),
  };
}

async function prepare({ images }: Api, request: SubmitRequest) {
  const input = parseInput(TryOnInput, request.input);
  return checkPictures(images, picturesOf(input), request.prepared);
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const input = parseInput(TryOnInput, request.input);
  const deadline = startDeadline(api.submitTimeoutMs);
  const loading = loadAll(api.images, picturesOf(input));
  const loaded = await deadline.before(loading, 'image_unavailable');
  // One picture for each URL.
  const [person, garment] = loaded as [LoadedImage, LoadedImage];
  const answer = await api.http.request({
    kind: 'submit',
    method: 'POST',
    url: providerUrl(api.baseUrl, '/api/v1/tryon'),
    headers: api.headers,
    signal: deadline.signal,
    body: multipart({
      person_images: person,
      garment_images: garment,
      fast_mode: input.fastMode ? 'true' : undefined,
    }),
  });
  if (!answer.ok) throw refusal(answer, textOf(answer.peek(Job)));
  return accepted(api, answer, request.idempotencyKey);
}

async function accepted(api: Api, answer: HttpAnswer, key: string): Promise<SubmitAnswer> {
  const job = answer.read(Job);
  const view = viewOf(job);
  // Only the JSON variant answers with a result, and then perhaps without an id.
  const inline = view.state === 'live' ? undefined : `inline-${key}`;
  const id = job.jobId ?? inline;
  if (!id) {
    throw new OutcomeUnknown('unreadable_answer', `${answer.call}: accepted, but names no job`);
  }
  const handle = api.addresses.keep({ status: job.statusUrl });
  const task = { id, ...(handle !== undefined && { handle }) };
  return view.state === 'live' ? { task } : { task, outcome: await outcomeOf(api, view, id) };
}

async function check(api: Api, task: ProviderTask): Promise<Observation> {
  const { http, baseUrl, headers, addresses } = api;
  const usual = providerUrl(baseUrl, `/api/v1/tryon/status/${encodeURIComponent(task.id)}`);
  const url = addresses.find(task.handle, 'status') ?? usual;
  const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
  if (answer.status === 404 && saysNoSuchJob(answer.peek(Job))) return { kind: 'missing' };
  if (!answer.ok) throw refusal(answer);
  const view = viewOf(answer.read(Job));
  if (view.state === 'live') return { kind: 'live', status: view.status };
  return { kind: 'final', outcome: await outcomeOf(api, view, task.id) };
}

async function outcomeOf(
  { files }: Api,
  view: Exclude<JobView, { state: 'live' }>,
  id: string,
): Promise<Outcome> {
  if (view.state === 'failed') return failed(view.code, view.said);
  return completedFrom(view.results, files, id);
}

function picturesOf({ personImage, garmentImages }: TryOnInput): string[] {
  return [personImage, ...garmentImages];
}
