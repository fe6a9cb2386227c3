import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Cleanup } from '../rig/cleanup.ts';

/** Where names of the attacker's lead: a port of this machine that nobody has any business at. */
export interface Trap {
  readonly port: number;
  /** How many connections were made to it. */
  visits(): number;
}

export async function setTrap(cleanup: Cleanup): Promise<Trap> {
  let visits = 0;
  const server = createServer((socket) => {
    visits += 1;
    socket.destroy();
  });
  // On every loopback address, IPv6 included.
  server.listen(0, '::');
  await once(server, 'listening');
  cleanup.add(() => server.close());
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo;
  return { port, visits: () => visits };
}
