import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

/** How long anybody may keep us waiting, in ms, and how many may at once. */
export interface ServerLimits {
  /** For a request to have arrived whole: its head, and its body. */
  readonly requestMs: number;
  readonly connections: number;
}

/** Longer than a load balancer's usual 60 s, so that it is never we who close a reused connection. */
const KEEP_ALIVE_MS = 65_000;
/** So long may nothing move in a connection, such as an answer that is not fetched. */
const STALLED_MS = 30_000;
/** Requests of one connection that may be there before the one ahead of them is answered. */
const MOST_IN_LINE = 50;
/** So long a body that is no longer wanted may go on, so that its sender gets to read why. */
const LINGER_MS = 1_000;
/** So long at least a connection may take over its request, however many wait for its place. */
const LEAST_MS = 1_000;
/** How late a limit may be noticed. Node looks every 30 s unless told. */
const CHECK_EVERY_MS = 1_000;

/**
 * An HTTP server that nobody can occupy: whoever is slow with a request is answered 408 and let go;
 * whoever goes on sending what has been answered already is cut off; whoever asks on and on without
 * waiting for an answer is answered 429; and when all connections are taken, those make room that wait
 * for another request, or have been busy with theirs for a second. Each response that the listener is
 * given ends with `close`.
 * @param onFull told of each connection that could not be taken.
 */
export function createBoundedServer(
  listener: RequestListener,
  limits: ServerLimits,
  onFull: (why: Error) => void,
): Server {
  const server = createServer(
    {
      // Node swaps the two when the first is larger, and its own for the first is a minute.
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, limits.requestMs / 2),
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    inShortLines((request, response) => {
      response.once('finish', () => {
        if (!request.complete) cutOffSoon(request);
      });
      // Node closes the connections that are idle when it stops, but not those that become so later.
      response.once('close', () => server.listening || server.closeIdleConnections());
      listener(request, response);
      // What nobody will read is not kept: in chunks of one byte it costs hundreds of times its size.
      if (response.writableEnded || isRead(request.method)) request.resume();
    }),
  );
  server.timeout = STALLED_MS;
  server.maxConnections = limits.connections;
  const unfinished = trackUnfinished(server);
  server.on('drop', () => {
    server.closeIdleConnections();
    unfinished.endOlderThan(LEAST_MS);
    onFull(new Error(`all ${limits.connections} connections are taken`));
  });
  return server;
}

/** The connections whose first request has not come whole: who sends nothing, or a byte at a time. */
function trackUnfinished(server: Server): { endOlderThan(ms: number): void } {
  // In the order in which they came.
  const sinceMs = new Map<Socket, number>();
  server.on('connection', (socket) => {
    sinceMs.set(socket, performance.now());
    socket.once('close', () => sinceMs.delete(socket));
  });
  server.on('request', (request) => {
    if (request.complete) sinceMs.delete(request.socket);
    else request.once('end', () => sinceMs.delete(request.socket));
  });
  return {
    endOlderThan(ms) {
      const newest = performance.now() - ms;
      for (const [socket, since] of sinceMs) {
        if (since > newest) return;
        socket.destroy();
      }
    },
  };
}

/**
 * Node begins with every request that is there, answered or not, and thousands fit into one packet.
 * It also tells only the response whose turn it is that its connection has closed, and what waits
 * behind that would keep for ever what was set aside for it.
 */
function inShortLines(listener: RequestListener): RequestListener {
  const lines = new WeakMap<Socket, Set<ServerResponse>>();
  const lineOf = (socket: Socket): Set<ServerResponse> => {
    const line = lines.get(socket) ?? new Set();
    if (!lines.has(socket)) {
      lines.set(socket, line);
      socket.once('close', () => {
        for (const response of line) response.emit('close');
      });
    }
    return line;
  };

  return (request, response) => {
    const { socket } = request;
    // A response gets its connection when it is its turn.
    if (!response.socket) {
      const line = lineOf(socket);
      if (line.size >= MOST_IN_LINE) {
        // Answered, because a connection that is destroyed keeps them all until the end of the turn.
        response.writeHead(429).end();
        return;
      }
      line.add(response);
      response.once('socket', () => line.delete(response));
    }
    listener(request, response);
  };
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

/**
 * Node reads and forgets what still comes of a body after its answer, for as long as it comes. At
 * once would be too early: a sender that is cut off while it writes may never see the answer.
 */
function cutOffSoon(request: IncomingMessage): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, LINGER_MS);
  // Not the connection's: it may outlive any number of such requests.
  request.once('close', () => clearTimeout(timer));
}
