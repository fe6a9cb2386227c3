import { expect, test } from 'vitest';
import { gone, refusalOf, setupReplicate, VERSION } from './client.ts';

// The official client against the simulator, as its users call it. Every title is a row of the
// table "Replicate" in docs/simulator.md.

test('accounts.current answers the account', async () => {
  const { client } = await setupReplicate();
  expect(await client.accounts.current()).toMatchObject({
    type: 'organization',
    username: 'simulator',
    name: expect.any(String),
  });
});

test('collections.list and collections.get answer the one collection', async () => {
  const { client } = await setupReplicate();
  const { results } = await client.collections.list();
  expect(results.map(({ slug }) => slug)).toEqual(['virtual-try-on']);
  const { models = [] } = await client.collections.get('virtual-try-on');
  expect(models.map(({ name }) => name)).toEqual(['nano-banana', 'idm-vton', 'p-image-try-on']);
  expect(await refusalOf(client.collections.get('nothing'))).toMatchObject({ status: 404 });
});

const deployment = {
  name: 'fitting-room',
  model: 'cuuupid/idm-vton',
  version: VERSION,
  hardware: 'gpu-t4',
  min_instances: 0,
  max_instances: 3,
};

test('deployments.create, get and list answer the deployment and its release', async () => {
  const { client } = await setupReplicate();
  const made = await client.deployments.create(deployment);
  expect(made).toMatchObject({
    owner: 'simulator',
    name: 'fitting-room',
    current_release: {
      number: 1,
      model: 'cuuupid/idm-vton',
      version: VERSION,
      created_by: { username: 'simulator' },
      configuration: { hardware: 'gpu-t4', min_instances: 0, max_instances: 3 },
    },
  });
  expect(await client.deployments.get('simulator', 'fitting-room')).toEqual(made);
  expect((await client.deployments.list()).results).toEqual([made]);
});

test('deployments.create refuses a version, hardware or number that cannot be', async () => {
  const { client } = await setupReplicate();
  for (const wrong of [
    { version: 'f'.repeat(64) },
    { hardware: 'abacus' },
    { max_instances: 21 },
  ]) {
    const refusal = await refusalOf(client.deployments.create({ ...deployment, ...wrong }));
    expect(refusal).toMatchObject({
      status: 422,
      message: expect.stringContaining(Object.keys(wrong).join()),
    });
  }
});

test('deployments.update makes another release', async () => {
  const { client } = await setupReplicate();
  await client.deployments.create(deployment);
  const change = { min_instances: 1, max_instances: 10 };
  expect(await client.deployments.update('simulator', 'fitting-room', change)).toMatchObject({
    current_release: { number: 2, configuration: { hardware: 'gpu-t4', ...change } },
  });
});

test('deployments.delete answers true, and the deployment is gone', async () => {
  const { client } = await setupReplicate();
  await client.deployments.create(deployment);
  expect(await client.deployments.delete('simulator', 'fitting-room')).toBe(true);
  for (const call of [
    client.deployments.get('simulator', 'fitting-room'),
    client.deployments.delete('simulator', 'fitting-room'),
  ]) {
    expect(await refusalOf(call)).toMatchObject({ status: 404 });
  }
});

test('deployments.predictions.create runs what is deployed', async () => {
  const { client, person, garment } = await setupReplicate();
  await client.deployments.create(deployment);
  const run = (name: string) =>
    client.deployments.predictions.create('simulator', name, {
      input: { human_img: person(), garm_img: garment() },
      wait: true,
    });
  expect(await run('fitting-room')).toMatchObject({
    deployment: 'fitting-room',
    model: 'cuuupid/idm-vton',
    status: 'succeeded',
  });
  expect(await refusalOf(run('nothing'))).toMatchObject({ status: 404 });
});

test('files.create and get answer type, size, checksum and metadata', async () => {
  const { client, simulator } = await setupReplicate();
  const file = await client.files.create(new Blob(['hello'], { type: 'text/plain' }), { shop: 7 });
  expect(file).toMatchObject({
    id: expect.stringMatching(/^[0-9a-z]{26}$/),
    content_type: 'text/plain',
    size: 5,
    checksums: { sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' },
    metadata: { shop: 7 },
    urls: { get: `${simulator.url}/replicate/v1/files/${file.id}` },
  });
  expect(await client.files.get(file.id)).toEqual(file);
});

test('files.list answers the newest first', async () => {
  const { client } = await setupReplicate();
  const older = await client.files.create(Buffer.from('one'));
  const newer = await client.files.create(Buffer.from('two'));
  expect((await client.files.list()).results.map(({ id }) => id)).toEqual([newer.id, older.id]);
});

test('files.delete answers true, and the file is gone', async () => {
  const { client } = await setupReplicate();
  const { id } = await client.files.create(Buffer.from('one'));
  expect(await client.files.delete(id)).toBe(true);
  expect(await refusalOf(client.files.get(id))).toMatchObject({ status: 404 });
  expect(await refusalOf(client.files.delete(id))).toMatchObject({ status: 404 });
});

test('hardware.list answers names and SKUs', async () => {
  const { client } = await setupReplicate();
  expect(await client.hardware.list()).toContainEqual({ name: 'Nvidia T4 GPU', sku: 'gpu-t4' });
});

test('models.get answers the model and what its latest version takes', async () => {
  const { client } = await setupReplicate();
  const model = await client.models.get('google', 'nano-banana');
  expect(model).toMatchObject({ owner: 'google', name: 'nano-banana', is_official: true });
  expect(model.latest_version?.openapi_schema).toMatchObject({
    components: { schemas: { Input: { required: ['prompt'] }, Output: { format: 'uri' } } },
  });
  expect(await refusalOf(client.models.get('nobody', 'nothing'))).toMatchObject({ status: 404 });
});

test('models.list and models.search answer what can be run', async () => {
  const { client } = await setupReplicate();
  const names = ({ results }: { results: { name: string }[] }) => results.map(({ name }) => name);
  expect(names(await client.models.list())).toEqual(['nano-banana', 'idm-vton', 'p-image-try-on']);
  expect(names(await client.models.search('try-on'))).toEqual(['idm-vton', 'p-image-try-on']);
});

test('models.versions.list and models.versions.get answer a version that can be run', async () => {
  const { client, input } = await setupReplicate();
  const { results } = await client.models.versions.list('google', 'nano-banana');
  const id = results[0]?.id ?? '';
  expect(await client.models.versions.get('google', 'nano-banana', id)).toEqual(results[0]);
  expect(await client.run(`google/nano-banana:${id}`, { input: input() })).toMatch(/\.jpeg$/);
  const unknown = client.models.versions.get('google', 'nano-banana', VERSION);
  expect(await refusalOf(unknown)).toMatchObject({ status: 404 });
});

test('models.create is not supported, and says so', async () => {
  const { client } = await setupReplicate();
  const made = client.models.create('simulator', 'mine', {
    visibility: 'private',
    hardware: 'cpu',
  });
  expect(await refusalOf(made)).toMatchObject(gone('creating models'));
});

test('trainings.create is not supported, and says so', async () => {
  const { client } = await setupReplicate();
  const options = { destination: 'simulator/mine' as const, input: {} };
  const made = client.trainings.create('cuuupid', 'idm-vton', VERSION, options);
  expect(await refusalOf(made)).toMatchObject(gone('trainings'));
});

test('trainings.get, list and cancel are not supported, and say so', async () => {
  const { client } = await setupReplicate();
  const { trainings } = client;
  for (const call of [trainings.get('one'), trainings.list(), trainings.cancel('one')]) {
    expect(await refusalOf(call)).toMatchObject(gone('trainings'));
  }
});

test('request answers any path, with the key', async () => {
  const { client } = await setupReplicate();
  expect((await client.request('/account', { method: 'GET' })).status).toBe(200);
  const unknown = client.request('/nothing', { method: 'GET' });
  expect(await refusalOf(unknown)).toMatchObject({ status: 404 });
});
