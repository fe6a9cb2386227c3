import { resolve } from 'node:path';
import express, { type RequestHandler } from 'express';
import { KEPT_FILE_NAME } from '../../providers/files.ts';

/**
 * `GET /:name`: results that a provider sent as bytes. The name is the permission: 160 bits that
 * nobody can guess. Only names that we give are served: no listing, no drafts, nobody else's files.
 */
export function fileRoutes(folder: string): RequestHandler {
  const serve = express.static(resolve(folder), {
    dotfiles: 'ignore',
    index: false,
    redirect: false,
    immutable: true,
    maxAge: '1d',
    // A shop's page shows the picture from its own origin; helmet forbids that everywhere else.
    setHeaders: (response) => {
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    },
  });
  return (request, response, next) => {
    if (KEPT_FILE_NAME.test(request.path.slice(1))) serve(request, response, next);
    else next();
  };
}
