import type { ProviderTask } from '../../generation/generation.ts';
import type { HttpAnswer } from '../../outbound/http-client.ts';
import type { LoadedImage } from '../../outbound/image-source.ts';
import { checkPictures, loadAll, multipart } from '../../outbound/multipart.ts';
import { startDeadline } from '../deadline.ts';
import type { Observation, ProviderAdapter, SubmitAnswer, SubmitRequest } from '../provider.ts';
import { limitsFor, type ProviderOptions } from '../provider-settings.ts';
import { refusal } from '../refusal.ts';
import { parseInput, providerUrl } from '../wire-values.ts';
import { Accepted, ApiError, observe, Task, TRYON, TryOnInput, taskForm } from './wire.ts';

/** ASSUMPTION: no document names FitRoom's limits. */
const LIMITS = { submits: { max: 60, perMs: 60_000 }, concurrency: 5, pollsPerSecond: 5 };

/**
 * FitRoom: pictures as bytes, no webhook, no idempotency key. Documents: see wire.ts.
 *
 * The poll handle is the time of acceptance (Unix ms), by which a task is recognised that is never
 * begun. It is our own clock's both times.
 */
export function createFitRoom(options: ProviderOptions): ProviderAdapter {
  const { http, images, baseUrl = 'https://platform.fitroom.app' } = options;
  const headers = { 'x-api-key': options.apiKey };

  async function prepare(request: SubmitRequest) {
    const input = parseInput(TryOnInput, request.input);
    return checkPictures(images, picturesOf(input), request.prepared);
  }

  async function submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const input = parseInput(TryOnInput, request.input);
    const deadline = startDeadline(options.submitTimeoutMs);
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
    return { task: { id: answer.read(Accepted).task_id, handle: String(Date.now()) } };
  }

  async function check(task: ProviderTask): Promise<Observation> {
    const url = providerUrl(baseUrl, `/api/tryon/v2/tasks/${encodeURIComponent(task.id)}`);
    const answer = await http.request({ kind: 'safe-to-retry', method: 'GET', url, headers });
    // ASSUMPTION: an unknown task is a 404.
    if (answer.status === 404) return { kind: 'missing' };
    if (!answer.ok) throw refused(answer);
    const acceptedAt = /^\d+$/.test(task.handle ?? '') ? Number(task.handle) : undefined;
    const ageMs = acceptedAt === undefined ? undefined : Date.now() - acceptedAt;
    return observe(answer.read(Task), ageMs);
  }

  return {
    name: 'fitroom',
    models: { tryon: TRYON },
    limits: limitsFor(LIMITS, options.limits),
    repeatSubmit: { kind: 'none' },
    inputs: 'upload',
    prepare,
    submit,
    check,
  };
}

function refused(answer: HttpAnswer) {
  const body = answer.peek(ApiError);
  return refusal(answer, body?.message || body?.error || body?.errors?.[0] || undefined);
}

function picturesOf({ personImage, garmentImages }: TryOnInput): string[] {
  return [personImage, ...garmentImages];
}
