import { Retryable, Terminal } from '../../generation/errors.ts';
import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import type { ImageSource } from '../../outbound/image-source.ts';
import { multipart } from '../../outbound/multipart.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import {
  InvalidProviderSettings,
  limitsFor,
  type ProviderOptions,
  submitPathOf,
  taskPathOf,
} from '../provider-settings.ts';
import { explain } from '../reasons.ts';
import { refusal } from '../refusal.ts';
import { parseInput, providerUrl } from '../wire-values.ts';
import { vtryonWebhook } from './webhook.ts';
import {
  ApiError,
  LIBRARIES,
  MODELS,
  NO_SUCH_TASK,
  observe,
  Prepared,
  RECOLOR_PATHS,
  RecolorInput,
  recolorBody,
  Task,
  type TaskPaths,
  TRYON_PATHS,
  TryOnInput,
  tryOnBody,
  Upload,
} from './wire.ts';

/** What a call to Vtryon takes, and where its pictures come from. */
interface Api {
  readonly http: HttpClient;
  readonly images: ImageSource;
  readonly baseUrl: string;
  readonly paths: { readonly tryon: TaskPaths; readonly recolor: TaskPaths };
  readonly headers: Readonly<Record<'x-api-key', string>>;
}

/** ASSUMPTION: no page names Vtryon's limits. */
const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 5 };

/**
 * Vtryon. Pictures are uploaded first, one after the other and free of charge; then a task is made of
 * their ids, which is what costs. Recolouring needs no uploads: it names a picture of Vtryon's own. Its pages show paths only and no host, so its address is a setting.
 * Documents: see wire.ts.
 *
 * @throws InvalidProviderSettings without a `baseUrl`, and for paths that are none.
 */
export function createVtryon(options: ProviderOptions): ProviderAdapter {
  const { http, images, baseUrl, webhookSecrets: secrets } = options;
  if (!baseUrl) {
    throw new InvalidProviderSettings(
      'VTRYON_BASE_URL: is required. Vtryon publishes no address; it is in your dashboard or contract.',
    );
  }
  const api: Api = {
    http,
    images,
    baseUrl,
    paths: { tryon: tryOnPaths(options), recolor: RECOLOR_PATHS },
    headers: { 'x-api-key': options.apiKey },
  };
  const webhook = secrets.some((secret) => secret !== '') ? vtryonWebhook(secrets) : undefined;

  return {
    name: 'vtryon',
    models: MODELS,
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'upload',
    ...(webhook && { webhook }),
    prepare: (request) => prepare(api, request),
    submit: (request) => submit(api, request),
    check: (task, { model }) => check(api, task, model),
  };
}

/** A path of tasks that is set is also where they are created, unless that is set besides. */
function tryOnPaths({ taskPath, submitPath }: ProviderOptions): TaskPaths {
  const status = taskPathOf('VTRYON', taskPath, TRYON_PATHS.status);
  const before = taskPath === undefined ? TRYON_PATHS.submit : status.replace(/\{id\}.*/, '');
  return { status, submit: submitPathOf('VTRYON', submitPath, before) };
}

async function prepare(
  api: Api,
  request: SubmitRequest,
): Promise<{ prepared: string; done: boolean }> {
  if (request.model === 'recolor') return { prepared: '{}', done: true };
  if (request.model !== 'tryon') throw unknownModel();
  const input = parseInput(TryOnInput, request.input);
  const so = uploadsOf(request);
  if (!so.person) so.person = await upload(api, LIBRARIES.persons, input.personImage);
  else so.garment ??= await upload(api, LIBRARIES.garments, input.garmentImages[0] ?? '');
  return { prepared: JSON.stringify(so), done: isComplete(so) };
}

/** Safe to retry, because a second upload of the same picture costs nothing. */
async function upload(api: Api, path: string, picture: string): Promise<string> {
  const { http, images, baseUrl, headers } = api;
  const body = multipart({ image: await images.load(picture) });
  const url = providerUrl(baseUrl, path);
  const answer = await http.request({
    kind: 'safe-to-retry',
    method: 'POST',
    url,
    headers,
    body,
  });
  if (!answer.ok) throw uploadRefused(answer);
  return answer.read(Upload).id;
}

async function submit(api: Api, request: SubmitRequest): Promise<SubmitAnswer> {
  const { http, baseUrl, paths, headers } = api;
  const { path, json } = creationOf(request, paths);
  const url = providerUrl(baseUrl, path);
  const answer = await http.request({ kind: 'submit', method: 'POST', url, headers, json });
  if (!answer.ok) throw refusal(answer, answer.peek(ApiError)?.detail ?? undefined);
  return { task: { id: answer.read(Task).id } };
}

/** Where the task is created, and of what. */
function creationOf(request: SubmitRequest, paths: Api['paths']): { path: string; json: unknown } {
  switch (request.model) {
    case 'tryon': {
      const input = parseInput(TryOnInput, request.input);
      const uploads = uploadsOf(request);
      if (!isComplete(uploads)) throw new Retryable('unavailable', 'Not all pictures are uploaded');
      return { path: paths.tryon.submit, json: tryOnBody(input, uploads) };
    }
    case 'recolor':
      return {
        path: paths.recolor.submit,
        json: recolorBody(parseInput(RecolorInput, request.input)),
      };
    default:
      throw unknownModel();
  }
}

async function check(api: Api, task: ProviderTask, model: string): Promise<Observation> {
  const { http, baseUrl, paths, headers } = api;
  const { status } = model === 'recolor' ? paths.recolor : paths.tryon;
  const url = providerUrl(
    baseUrl,
    status.replace('{id}', () => encodeURIComponent(task.id)),
  );
  const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
  const isUnknown = answer.status === 404 && NO_SUCH_TASK.test(answer.peek(ApiError)?.detail ?? '');
  if (isUnknown) return { kind: 'missing' };
  if (!answer.ok) throw refusal(answer);
  return observe(answer.read(Task));
}

function unknownModel(): Terminal {
  return new Terminal('invalid_input', 'Vtryon has no such model here');
}

/** What `prepare` saved; nothing when it is not ours to read, and then it is done again. */
function uploadsOf({ prepared }: SubmitRequest): Prepared {
  try {
    return Prepared.parse(JSON.parse(prepared ?? '{}'));
  } catch {
    return {};
  }
}

function isComplete(uploads: Prepared): uploads is { person: string; garment: string } {
  return uploads.person !== undefined && uploads.garment !== undefined;
}

/** Only a verdict on the picture itself is final: anything else may be mended, and costs nothing. */
function uploadRefused(answer: HttpAnswer): Retryable | Terminal {
  const isVerdict = [400, 413, 415, 422].includes(answer.status);
  const said = answer.peek(ApiError)?.detail ?? undefined;
  const { code, message } = explain('invalid_input', said);
  if (isVerdict) return new Terminal(code, message, { answered: true });
  // What is refused where a retry is safe is always Retryable: refusal() tells the kinds apart.
  return refusal(answer) as Retryable;
}
