import type { Request, Router } from 'express';
import { z } from 'zod';
import type { Provider } from '../../contract/provider.ts';
import type { Refusal } from '../../contract/refusal.ts';
import type { Reply } from '../../contract/reply.ts';
import { invalid } from '../inputs.ts';
import { ACCOUNT, HARDWARE, page } from './catalogue.ts';
import type { Runner } from './creation.ts';
import { MODELS } from './models.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it (deployments), read
// 2026-11-21. What no document says is an ASSUMPTION.

const Settings = z.object({
  version: z.string(),
  hardware: z.enum(HARDWARE.map(({ sku }) => sku)),
  min_instances: z.number().int().min(0).max(5),
  max_instances: z.number().int().min(0).max(20),
});
const Creation = Settings.extend({ name: z.string().min(1), model: z.string() });
const Change = Settings.partial();

const Deployment = Creation.extend({ number: z.number(), createdAt: z.string() });
type Deployment = z.infer<typeof Deployment>;

function describe(deployment: Deployment): Record<string, unknown> {
  const { name, number, model, version, createdAt, ...rest } = deployment;
  const { hardware: sku, min_instances, max_instances } = rest;
  return {
    owner: ACCOUNT.username,
    name,
    current_release: {
      number,
      model,
      version,
      created_at: createdAt,
      created_by: ACCOUNT,
      configuration: { hardware: sku, min_instances, max_instances },
    },
  };
}

const keyOf = (name: string): string => `deployment ${name}`;

function find(provider: Provider, { params }: Request): Deployment | undefined {
  if (params['owner'] !== ACCOUNT.username) return undefined;
  return Deployment.safeParse(provider.memory.get(keyOf(String(params['name'])))).data;
}

/** Keeps the deployment as its next release; refuses a model or version that nobody can run. */
function release(provider: Provider, wanted: Omit<Deployment, 'createdAt'>): Reply | Refusal {
  const { model, version, name } = wanted;
  if (!MODELS.some((known) => known.name === model && known.version === version)) {
    return { reason: 'invalid', message: 'version: the model has no such version.' };
  }
  const deployment = { ...wanted, createdAt: new Date().toISOString() };
  provider.memory.set(keyOf(name), deployment);
  return { status: 200, body: describe(deployment) };
}

const MISSING: Refusal = { reason: 'not-found', message: 'Deployment not found' };

/** What the deployment named in the path runs, for a prediction that is asked of it. */
export function deployedRunner(provider: Provider, request: Request): Runner | Refusal {
  const deployment = find(provider, request);
  const model = MODELS.find(({ name }) => name === deployment?.model);
  return deployment && model ? { model, deployment: deployment.name } : MISSING;
}

/** The account's deployments: models that run under a name of its own. */
export function mountDeployments(router: Router, provider: Provider): void {
  router.post(
    '/v1/deployments',
    provider.answer(({ body }) => {
      const wanted = Creation.safeParse(body);
      return wanted.success
        ? release(provider, { ...wanted.data, number: 1 })
        : invalid(wanted.error);
    }),
  );
  router.get(
    '/v1/deployments',
    provider.answer(() => {
      const all = [...provider.memory].filter(([key]) => key.startsWith(keyOf('')));
      const deployments = all.map(([, kept]) => describe(Deployment.parse(kept)));
      return page(deployments.toReversed());
    }),
  );
  mountDeployment(router, provider, '/v1/deployments/:owner/:name');
}

function mountDeployment(router: Router, provider: Provider, one: string): void {
  router.get(
    one,
    provider.answer((request) => {
      const deployment = find(provider, request);
      return deployment ? { status: 200, body: describe(deployment) } : MISSING;
    }),
  );
  router.patch(
    one,
    provider.answer((request) => {
      const deployment = find(provider, request);
      const change = Change.safeParse(request.body ?? {});
      if (!deployment) return MISSING;
      if (!change.success) return invalid(change.error);
      const given = Object.entries(change.data).filter(([, value]) => value !== undefined);
      const changed = Deployment.parse({ ...deployment, ...Object.fromEntries(given) });
      return release(provider, { ...changed, number: deployment.number + 1 });
    }),
  );
  router.delete(
    one,
    // ASSUMPTION: it was idle for the quarter of an hour that the real one asks for.
    provider.answer((request): Reply | Refusal => {
      const deployment = find(provider, request);
      if (!deployment) return MISSING;
      provider.memory.delete(keyOf(deployment.name));
      return { status: 204, body: Buffer.alloc(0) };
    }),
  );
}
