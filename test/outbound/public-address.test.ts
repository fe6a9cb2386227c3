import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHttpClient } from '../../src/outbound/http-client.ts';
import { createOutboundAgent } from '../../src/outbound/public-address.ts';
import { always, loopbackServer } from '../support/loopback-server.ts';

/** A resolver that always answers with these addresses. */
function resolvesTo(...addresses: string[]): LookupFunction {
  const found: LookupAddress[] = addresses.map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));
  return (_hostname, options, callback) => {
    if (options.all) callback(null, found);
    else callback(null, addresses[0] ?? '', 4);
  };
}

async function setup(options: { allowInsecure: boolean; lookup?: LookupFunction }) {
  const server = await loopbackServer(always(200, {}));
  const dispatcher = createOutboundAgent({ connectTimeoutMs: 300, ...options });
  const http = createHttpClient({ dispatcher, timeoutMs: 2_000, maxBodyBytes: 1_000 });
  onTestFinished(server.close);
  onTestFinished(() => dispatcher.destroy());
  const port = new URL(server.url).port;
  const post = (host: string) =>
    http.request({ kind: 'submit', method: 'POST', url: `http://${host}:${port}/`, json: {} });
  return { server, post };
}

describe('the outbound agent', () => {
  test.each([
    ['a private address', ['127.0.0.1']],
    ['one private address among public ones', ['8.8.8.8', '127.0.0.1']],
    ['a mapped private address', ['::ffff:127.0.0.1']],
    ['nothing', []],
  ])('refuses a name that resolves to %s', async (_what, addresses) => {
    const { server, post } = await setup({
      allowInsecure: false,
      lookup: resolvesTo(...addresses),
    });
    await expect(post('images.example.com')).rejects.toMatchObject({ code: 'private_address' });
    expect(server.connections()).toBe(0);
  });

  test.each(['127.0.0.1', '[::1]', '2130706433'])('refuses the literal %s', async (host) => {
    const { server, post } = await setup({ allowInsecure: false });
    await expect(post(host)).rejects.toMatchObject({ code: 'private_address' });
    expect(server.connections()).toBe(0);
  });

  test('refuses localhost by what the system says it is', async () => {
    const { post } = await setup({ allowInsecure: false });
    await expect(post('localhost')).rejects.toMatchObject({ code: 'private_address' });
  });

  test('lets a name with a public address through to the connection', async () => {
    // Global unicast by its range, but not given out (IANA's IPv6 registry): nobody is called.
    const { post } = await setup({ allowInsecure: false, lookup: resolvesTo('2d00::1') });
    await expect(post('images.example.com')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('permits private networks where the policy does', async () => {
    const { post } = await setup({ allowInsecure: true, lookup: resolvesTo('127.0.0.1') });
    expect((await post('images.example.com')).status).toBe(200);
    expect((await post('127.0.0.1')).status).toBe(200);
  });
});
