import { expect, test } from 'vitest';
import { readDemoOptions } from '../../../rig/demo/options.ts';
import { planDemo } from '../../../rig/demo/plan.ts';
import { PROVIDER_NAMES } from '../../../src/config/env.ts';

const ASSETS = 'http://127.0.0.1:4010/assets';
const plan = (args: string[], assets: string | undefined = ASSETS) =>
  planDemo(readDemoOptions(args), assets);
const inputs = (args: string[]) => plan(args).map(({ input }) => JSON.stringify(input));

test('the plain demo asks its simulated providers for three different ends', () => {
  const asked = plan([]);
  expect(asked.map(({ scenario }) => scenario)).toEqual(['ok', 'no-webhook', 'moderation']);
  for (const { scenario, input } of asked) {
    const person = new URL(String(input['personImage']));
    expect(person.searchParams.get('simulate')).toBe(scenario === 'ok' ? null : scenario);
  }
});

test('all providers are asked, each for a picture of its own', () => {
  const asked = plan(['--all', '--scenario', 'slow']);
  expect(asked.map(({ provider }) => provider).sort()).toEqual([...PROVIDER_NAMES].sort());
  expect(new Set(inputs(['--all'])).size).toBe(PROVIDER_NAMES.length);
});

test('where a garment for the upper body is announced, no dress is sent', () => {
  for (const input of inputs(['--provider', 'fitroom', '--count', '6'])) {
    expect(input).toContain('"clothType":"upper"');
    expect(input).not.toContain('dress');
  }
  expect(inputs(['--provider', 'fashn', '--count', '3']).join()).toContain('garment-dress');
});

test('a batch has two images, so that it can succeed in part', () => {
  const [asked] = plan(['--provider', 'image-intelligence']);
  expect(asked?.input['images']).toHaveLength(2);
});

test('your own pictures are sent as they are', () => {
  const person = 'https://images.example.com/me.jpg?signature=1';
  const garment = 'https://images.example.com/shirt.jpg';
  const args = ['--scenario', 'slow', '--person', person, '--garment', garment];
  expect(plan(args)[0]?.input).toMatchObject({ personImage: person, garmentImages: [garment] });
});

test('real providers need your pictures and play no scenario', () => {
  const real = (args: string[]) => () => planDemo(readDemoOptions(args), undefined);
  const pictures = ['--person', 'https://a.example/p.png', '--garment', 'https://a.example/g.png'];
  expect(real([])).toThrow('--person');
  expect(real([...pictures, '--scenario', 'slow'])).toThrow('--scenario');
  expect(real(pictures)()).toHaveLength(1);
});
