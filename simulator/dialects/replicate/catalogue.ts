import { type Request, type RequestHandler, type Router, text } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { MODELS, type Model } from './models.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it (account, collections,
// hardware, models), read 2026-11-21. What no document says is an ASSUMPTION.

/** The account that every key belongs to. */
export const ACCOUNT = {
  type: 'organization',
  username: 'simulator',
  name: 'The simulator',
  github_url: 'https://github.com/simulator',
};

/** The examples of "hardware.list". */
export const HARDWARE = [
  { name: 'CPU', sku: 'cpu' },
  { name: 'Nvidia T4 GPU', sku: 'gpu-t4' },
  { name: 'Nvidia A40 GPU', sku: 'gpu-a40-small' },
  { name: 'Nvidia A40 (Large) GPU', sku: 'gpu-a40-large' },
];

const COLLECTION = {
  name: 'Virtual try-on',
  slug: 'virtual-try-on',
  description: 'Models that dress a person in a garment.',
};

/** ASSUMPTION: when they were published. */
const PUBLISHED_AT = '2025-09-12T16:36:33.884779Z';

/** One page that holds everything. */
export function page(results: readonly unknown[]): Reply {
  return { status: 200, body: { previous: null, next: null, results } };
}

function versionOf(model: Model): Record<string, unknown> {
  const schemas = { Input: z.toJSONSchema(model.input, { io: 'input' }), Output: model.output };
  return {
    id: model.version,
    created_at: PUBLISHED_AT,
    cog_version: '0.16.7',
    openapi_schema: { openapi: '3.0.2', components: { schemas } },
  };
}

function describe(model: Model): Record<string, unknown> {
  const [owner, name] = model.name.split('/');
  return {
    url: `https://replicate.com/${model.name}`,
    owner,
    name,
    description: model.about,
    visibility: 'public',
    is_official: model.isOfficial,
    github_url: null,
    paper_url: null,
    license_url: null,
    run_count: 0,
    cover_image_url: null,
    default_example: null,
    latest_version: versionOf(model),
  };
}

function modelIn({ params }: Request): Model | undefined {
  return MODELS.find(({ name }) => name === `${params['owner']}/${params['name']}`);
}

const MISSING: Refusal = {
  reason: 'not-found',
  message: 'The requested resource could not be found.',
};

/** `QUERY /models`: the search text is the body. The official SDK sends it with quotes around. */
function searchRoute(provider: Provider): RequestHandler {
  return provider.answer((request) => {
    const words = String(request.body ?? '')
      .replace(/^"|"$/g, '')
      .toLowerCase();
    const found = MODELS.filter((model) =>
      `${model.name} ${model.about}`.toLowerCase().includes(words),
    );
    return page(found.map(describe));
  });
}

/** What can be run, on what, and for whom. */
export function mountCatalogue(router: Router, provider: Provider): void {
  const always = (reply: Reply) => provider.answer(() => reply);
  router.get('/v1/account', always({ status: 200, body: ACCOUNT }));
  router.get('/v1/hardware', always({ status: 200, body: HARDWARE }));
  router.get('/v1/collections', always(page([COLLECTION])));
  router.get(
    '/v1/collections/:slug',
    provider.answer(({ params }) =>
      params['slug'] === COLLECTION.slug
        ? {
            status: 200,
            body: { ...COLLECTION, full_description: null, models: MODELS.map(describe) },
          }
        : MISSING,
    ),
  );
  mountModels(router, provider);
}

function mountModels(router: Router, provider: Provider): void {
  const search = searchRoute(provider);
  // Express has no name for this method.
  router.use('/v1/models', text({ type: 'text/plain' }), (request, response, next) =>
    request.method === 'QUERY' ? search(request, response, next) : next(),
  );
  router.get(
    '/v1/models',
    provider.answer(() => page(MODELS.map(describe))),
  );
  router.get(
    '/v1/models/:owner/:name',
    provider.answer((request) => {
      const model = modelIn(request);
      return model ? { status: 200, body: describe(model) } : MISSING;
    }),
  );
  router.get(
    '/v1/models/:owner/:name/versions',
    provider.answer((request) => {
      const model = modelIn(request);
      return model ? page([versionOf(model)]) : MISSING;
    }),
  );
  router.get(
    '/v1/models/:owner/:name/versions/:id',
    provider.answer((request) => {
      const model = modelIn(request);
      return model && model.version === request.params['id']
        ? { status: 200, body: versionOf(model) }
        : MISSING;
    }),
  );
}
