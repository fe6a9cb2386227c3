import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A host of results on a free port, whose paths answer as they are told; gone when the test ends. */
export async function resultHost(paths: Readonly<Record<string, RequestListener>>) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    const path = new URL(request.url ?? '/', 'http://host').pathname;
    const answer = paths[path];
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${port}`, port, asked: () => asked };
}
