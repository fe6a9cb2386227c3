import { readFile } from 'node:fs/promises';
import path from 'node:path';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { ProviderState } from '../engine/provider-state.ts';
import { ASSET_NAME_PATTERN } from '../pictures/image-loader.ts';
import { ImageLoadError } from '../pictures/read-image.ts';
import type { Results } from '../pictures/results.ts';
import { createProviderRouter } from '../routes/provider-router.ts';
import { withDirectives } from '../scenarios/directives.ts';
import { createControlRouter } from './control-routes.ts';
import type { SimulatorControls } from './controls.ts';

/** What the routes are about. */
export interface AppParts {
  states: readonly ProviderState[];
  results: Results;
  controls: SimulatorControls;
  assetsDir: string;
}

/** The simulator's HTTP side. */
export function createApp({ states, results, controls, assetsDir }: AppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  // An ETag would hash every answer, and no client asks a provider twice for the same bytes.
  app.disable('etag');
  app.use('/_simulator', createControlRouter(controls));
  for (const state of states) app.use(`/${state.dialect.name}`, createProviderRouter(state));

  app.get('/results/:file', sendResult(results));
  app.get('/assets/:file', sendAsset(assetsDir));
  app.use((_request, response) => {
    response.status(404).json({ error: 'The simulator has nothing here.' });
  });
  app.use(answerDefect);
  return app;
}

/** Four parameters are how Express knows an error handler. */
const answerDefect: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const isInputGone = error instanceof ImageLoadError;
  const status =
    error instanceof Error && 'status' in error && typeof error.status === 'number'
      ? error.status
      : isInputGone
        ? 502
        : 500;
  response.status(status).json({ error: error instanceof Error ? error.message : 'Defect.' });
};

function sendResult(results: Results): RequestHandler<{ file: string }> {
  return async (request, response) => {
    const { name: resultId, ext } = path.posix.parse(request.params.file);
    if (results.isExpired(resultId)) {
      // What the stores behind signed links answer when the time is up.
      response.status(403).json({ error: 'The link has expired.' });
      return;
    }
    const picture = await results.picture(resultId);
    if (picture === undefined || ext !== `.${results.formatOf(resultId)}`) {
      response.status(404).json({ error: 'No such result.' });
      return;
    }
    response.type(ext).send(picture);
  };
}

function sendAsset(assetsDir: string): RequestHandler<{ file: string }> {
  return async (request, response) => {
    // The pattern has no slash and no leading dot, so no name can leave the folder.
    const isName = ASSET_NAME_PATTERN.test(request.params.file);
    const picture = isName
      ? await readFile(path.join(assetsDir, request.params.file)).catch(() => undefined)
      : undefined;
    if (!picture) {
      response.status(404).json({ error: 'No such asset.' });
      return;
    }
    const [, query] = request.originalUrl.split('?', 2);
    response.type(path.extname(request.params.file));
    response.send(query ? withDirectives(picture, query) : picture);
  };
}
