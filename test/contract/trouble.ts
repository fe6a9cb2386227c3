import type { WireAnswer } from './fixture.ts';
import type { Trouble } from './world.ts';

/** Things that happen to an answer on its way. */

export const HTML = '<!doctype html><html><body><h1>Bad gateway</h1></body></html>';

/** The request was read, and the connection dies. */
export const reset: Trouble = (req) => {
  req.socket.resetAndDestroy();
};

/** Nothing comes, until the caller gives up. */
export const silence: Trouble = () => {};

/** The status comes, and then nothing more. */
export const slowBody: Trouble = (_req, res) => {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.write('{"id":"');
};

/** A good answer, with more white space after it than anybody wants to read. */
export function bloated(answer: WireAnswer): WireAnswer {
  return { ...answer, body: `${JSON.stringify(answer.body)}${' '.repeat(300_000)}` };
}

/** A body that is shorter than its Content-Length. */
export const cutShort: Trouble = (_req, res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  res.write('{"id":"job_1","status":"', () => res.destroy());
};

/** A way to somewhere else. */
export function redirect(status: number, location: string): Trouble {
  return (_req, res) => {
    res.writeHead(status, { location }).end();
  };
}
