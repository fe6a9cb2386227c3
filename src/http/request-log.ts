import type { RequestHandler } from 'express';
import type { Logger } from '../config/log.ts';

/** A path's first three parts: webhook paths end in a token, which no log line may hold. */
export function loggedPath(path: string): string {
  return path.split('/').slice(0, 4).join('/');
}

/**
 * One line for each API call and each answer that is an error. Health checks and the board's own
 * polling are not worth one.
 */
export function requestLog(log: Logger): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    const path = loggedPath(request.path);
    response.on('finish', () => {
      const status = response.statusCode;
      if (status < 400 && !path.startsWith('/v1/')) return;
      const durationMs = Math.round(performance.now() - startedAt);
      const level = status >= 400 && !path.startsWith('/admin/') ? 'warn' : 'debug';
      log[level]({ method: request.method, path, status, durationMs }, 'answered');
    });
    next();
  };
}
