import { readFile } from 'node:fs/promises';
import path from 'node:path';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { ProviderState } from '../engine/provider-state.ts';
import { assetNamePattern, ImageLoadError } from '../pictures/image-loader.ts';
import type { Gallery } from '../pictures/results.ts';
import { createProviderRouter } from '../routes/provider-router.ts';
import { withDirectives } from '../scenarios/directives.ts';
import { createControlRouter, type SimulatorControls } from './control-routes.ts';

export interface AppParts {
  states: readonly ProviderState[];
  gallery: Gallery;
  controls: SimulatorControls;
  assetsDir: string;
}

/** The simulator's HTTP side. */
export function createApp({ states, gallery, controls, assetsDir }: AppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  // An ETag would hash every answer, and nobody asks a provider twice for the same bytes.
  app.disable('etag');
  app.use('/_simulator', createControlRouter(controls));
  for (const state of states) app.use(`/${state.dialect.name}`, createProviderRouter(state));

  app.get('/results/:file', async (request, response) => {
    const { name: resultId, ext } = path.posix.parse(request.params.file);
    if (gallery.isExpired(resultId)) {
      // What the stores behind signed links answer when the time is up.
      response.status(403).json({ error: 'The link has expired.' });
      return;
    }
    const picture = await gallery.picture(resultId);
    if (picture === undefined || ext !== `.${gallery.formatOf(resultId)}`) {
      response.status(404).json({ error: 'No such result.' });
      return;
    }
    response.type(ext).send(picture);
  });
  app.get('/assets/:file', async (request, response) => {
    // The pattern has no slash and no leading dot, so no name can leave the folder.
    const isName = assetNamePattern.test(request.params.file);
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
  });
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
