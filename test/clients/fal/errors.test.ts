import { isRetryableError, ValidationError } from '@fal-ai/client';
import { expect, test } from 'vitest';
import { jsonPost, ledgerOf } from '../../simulator/setup.ts';
import { MODEL, refusalOf, setupFal, unsupported } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "fal" in docs/simulator.md.

test('stream is not supported, and says so', async () => {
  const { client, input } = await setupFal();
  const stream = await client.stream(MODEL, { input: input() });
  expect(await refusalOf(stream.done())).toMatchObject(unsupported('streams of partial results'));
});

/** As fal's documentation has it: the app's own server asks for a browser's token. */
async function askForToken(simulatorUrl: string) {
  const response = await fetch(`${simulatorUrl}/fal/rest/tokens/`, {
    method: 'POST',
    headers: { authorization: 'Key id:secret' },
  });
  return { status: response.status, body: await response.json() };
}

test('realtime.connect is not supported: the token for it is refused, and the refusal says so', async () => {
  const { client, simulator } = await setupFal();
  const answer = await new Promise((resolve) => {
    const connection = client.realtime.connect('fal-ai/fashn/tryon', {
      onResult: () => undefined,
      tokenProvider: async () => {
        resolve(await askForToken(simulator.url));
        throw new Error('no token');
      },
    });
    connection.send({});
  });
  expect(answer).toMatchObject(unsupported('realtime connections'));
});

test('stream in connectionMode client is not supported: there is no token for it either', async () => {
  const { client, simulator } = await setupFal();
  const stream = await client.stream(MODEL, {
    connectionMode: 'client',
    tokenProvider: async () => {
      const { body } = await askForToken(simulator.url);
      throw new Error(JSON.stringify(body));
    },
  });
  await expect(stream.done()).rejects.toThrow('nor tokens for browsers');
});

test('ApiError 401: the key is wrong', async () => {
  const { client, input } = await setupFal({ providers: { fal: { keys: ['another'] } } });
  const error = await refusalOf(client.queue.submit(MODEL, { input: input() }));
  expect(error).toMatchObject({
    name: 'ApiError',
    status: 401,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    body: { detail: expect.any(String) },
  });
});

test('ApiError 403: the balance is exhausted', async () => {
  const { client, input } = await setupFal({ providers: { fal: { credits: 0 } } });
  const error = await refusalOf(client.run(MODEL, { input: input() }));
  expect(error).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('Exhausted balance') },
  });
});

test('ApiError 404: no such request', async () => {
  const { client } = await setupFal();
  const nobody = { requestId: 'nobody' };
  for (const call of [
    client.queue.status(MODEL, nobody),
    client.queue.result(MODEL, nobody),
    client.queue.cancel(MODEL, nobody),
  ]) {
    expect(await refusalOf(call)).toMatchObject({ status: 404, body: { status: 'NOT_FOUND' } });
  }
});

test('ValidationError 422: every mistake is named by its field', async () => {
  const { client, person } = await setupFal();
  const input = { model_image: person(), num_samples: 5 };
  const error = await refusalOf(client.run(MODEL, { input: input as never })); // wrong on purpose
  if (!(error instanceof ValidationError)) throw new Error('not a ValidationError');
  expect(error.fieldErrors).toHaveLength(2);
  expect(error.getFieldErrors('garment_image')).toMatchObject([
    { loc: ['body', 'garment_image'], type: 'missing' },
  ]);
  expect(error.getFieldErrors('num_samples')).toMatchObject([
    { loc: ['body', 'num_samples'], type: 'value_error' },
  ]);
});

test('429 and 502: the client tries again and succeeds', async () => {
  const { client, input, simulator } = await setupFal();
  const run = (query: string) => client.run(MODEL, { input: input(query) });
  await Promise.all([run('?simulate=rate-limited'), run('?simulate=html-error')]);
  const { refused, accepted } = ledgerOf(simulator, 'fal');
  expect(refused.map(({ httpStatus }) => httpStatus).toSorted()).toEqual([429, 502]);
  expect(accepted).toHaveLength(2);
});

test('the retry setting decides how often other calls are tried again', async () => {
  const { client, simulator } = await setupFal({ config: { retry: { maxRetries: 0 } } });
  const outage = jsonPost({ provider: 'fal', answer: 'html-page', seconds: 60 });
  await fetch(`${simulator.url}/_simulator/outage`, outage);
  const error = await refusalOf(client.queue.cancel(MODEL, { requestId: 'one' }));
  expect(error).toMatchObject({ status: 502, message: expect.stringContaining('HTTP 502') });
  expect(isRetryableError(error, [502])).toBe(true);
});

test('ApiError 500: a fault of the server is not tried again, and carries its type', async () => {
  const { client, input, simulator } = await setupFal();
  const error = await refusalOf(
    client.queue.submit(MODEL, { input: input('?simulate=server-errors') }),
  );
  expect(error).toMatchObject({ status: 500, body: { error_type: 'internal_error' } });
  expect(ledgerOf(simulator, 'fal')).toMatchObject({ accepted: [], refused: [{}] });
});
