import type { RequestHandler } from 'express';
import type { Logger } from '../config/log.ts';
import { BOARD_PATH } from './bull-board.ts';

/**
 * One line for each API call and each refusal. Paths are cut to their first three parts, because
 * webhook paths end in a token; probes and the board's own polling are not worth a line.
 */
export function requestLog(log: Logger): RequestHandler {
  return (request, response, next) => {
    const startedAt = process.hrtime.bigint();
    const path = request.path.split('/').slice(0, 4).join('/');
    response.on('finish', () => {
      const status = response.statusCode;
      if (status < 400 && !path.startsWith('/v1/')) return;
      const durationMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
      const level = status >= 400 && !path.startsWith(BOARD_PATH) ? 'warn' : 'debug';
      log[level]({ method: request.method, path, status, durationMs }, 'answered');
    });
    next();
  };
}
