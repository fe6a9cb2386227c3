import type { Request, Router } from 'express';
import { z } from 'zod';
import type { Provider, Refusal, Reply } from '../../contract/dialect.ts';
import { setBounded } from '../../engine/bounded.ts';
import { account, hardware, page } from './catalogue.ts';
import { models } from './models.ts';
import type { Runner } from './prediction.ts';

// Facts: Replicate, "HTTP API" and the OpenAPI description behind it (deployments), read
// 2026-11-21. What no document says is an ASSUMPTION.

const maxDeployments = 10_000;

const settingsSchema = z.object({
  version: z.string(),
  hardware: z.enum(hardware.map(({ sku }) => sku)),
  min_instances: z.number().int().min(0).max(5),
  max_instances: z.number().int().min(0).max(20),
});
const createSchema = settingsSchema.extend({ name: z.string().min(1), model: z.string() });
const updateSchema = settingsSchema.partial();

const deploymentSchema = createSchema.extend({ number: z.number(), createdAt: z.string() });
type Deployment = z.infer<typeof deploymentSchema>;

function describe(deployment: Deployment): Record<string, unknown> {
  const { name, number, model, version, createdAt, ...rest } = deployment;
  const { hardware: sku, min_instances, max_instances } = rest;
  return {
    owner: account.username,
    name,
    current_release: {
      number,
      model,
      version,
      created_at: createdAt,
      created_by: account,
      configuration: { hardware: sku, min_instances, max_instances },
    },
  };
}

const keyOf = (name: string): string => `deployment ${name}`;

function find(provider: Provider, { params }: Request): Deployment | undefined {
  if (params['owner'] !== account.username) return undefined;
  return deploymentSchema.safeParse(provider.memory.get(keyOf(String(params['name'])))).data;
}

/** Keeps the deployment as its next release; refuses a model or version that nobody can run. */
function release(provider: Provider, wanted: Omit<Deployment, 'createdAt'>): Reply | Refusal {
  const { model, version, name } = wanted;
  if (!models.some((known) => known.name === model && known.version === version)) {
    return { reason: 'invalid', message: 'version: the model has no such version.' };
  }
  const deployment = { ...wanted, createdAt: new Date().toISOString() };
  setBounded(provider.memory, keyOf(name), deployment, maxDeployments);
  return { status: 200, body: describe(deployment) };
}

const missing: Refusal = { reason: 'not-found', message: 'Deployment not found' };

function invalid(error: z.ZodError): Refusal {
  return { reason: 'invalid', message: z.prettifyError(error) };
}

/** What the deployment named in the path runs, for a prediction that is asked of it. */
export function deployedRunner(provider: Provider, request: Request): Runner | Refusal {
  const deployment = find(provider, request);
  const model = models.find(({ name }) => name === deployment?.model);
  return deployment && model ? { model, deployment: deployment.name } : missing;
}

/** The account's deployments: models that run under a name of its own. */
export function mountDeployments(router: Router, provider: Provider): void {
  router.post(
    '/v1/deployments',
    provider.answer(({ body }) => {
      const wanted = createSchema.safeParse(body);
      return wanted.success
        ? release(provider, { ...wanted.data, number: 1 })
        : invalid(wanted.error);
    }),
  );
  router.get(
    '/v1/deployments',
    provider.answer(() => {
      const all = [...provider.memory].filter(([key]) => key.startsWith(keyOf('')));
      const deployments = all.map(([, kept]) => describe(deploymentSchema.parse(kept)));
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
      return deployment ? { status: 200, body: describe(deployment) } : missing;
    }),
  );
  router.patch(
    one,
    provider.answer((request) => {
      const deployment = find(provider, request);
      const change = updateSchema.safeParse(request.body ?? {});
      if (!deployment) return missing;
      if (!change.success) return invalid(change.error);
      const given = Object.entries(change.data).filter(([, value]) => value !== undefined);
      const changed = deploymentSchema.parse({ ...deployment, ...Object.fromEntries(given) });
      return release(provider, { ...changed, number: deployment.number + 1 });
    }),
  );
  router.delete(
    one,
    // ASSUMPTION: it was idle for the quarter of an hour that the real one asks for.
    provider.answer((request): Reply | Refusal => {
      const deployment = find(provider, request);
      if (!deployment) return missing;
      provider.memory.delete(keyOf(deployment.name));
      return { status: 204, body: Buffer.alloc(0) };
    }),
  );
}
