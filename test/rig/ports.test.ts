import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Cleanup } from '../../rig/cleanup.ts';
import { claimPorts } from '../../rig/ports.ts';

const TEN = Array.from({ length: 10 });

async function claim() {
  const cleanup = new Cleanup();
  onTestFinished(() => cleanup.run());
  return claimPorts(cleanup);
}

test('runs at the same time never get the same port, and each can be listened on', async () => {
  const runs = await Promise.all(TEN.map(claim));
  const given = await Promise.all(runs.flatMap((ports) => TEN.map(ports)));
  expect(new Set(given).size).toBe(100);
  for (const port of given.slice(0, 10)) {
    const server = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
  }
});

test('what a run has claimed stays below the ports that a system gives away by itself', async () => {
  const ports = await claim();
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const anyPort = typeof address === 'object' && address ? address.port : 0;
  expect(await ports()).toBeLessThan(30_000);
  expect(anyPort).toBeGreaterThan(30_000);
});
