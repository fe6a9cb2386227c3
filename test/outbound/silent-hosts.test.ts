import { expect, test } from 'vitest';
import { Retryable, Terminal } from '../../src/generation/errors.ts';
import { createSilentHosts } from '../../src/outbound/silent-hosts.ts';

/** Hosts that are asked on a clock of their own. */
function setup() {
  let clock = 0;
  let asked = 0;
  const hosts = createSilentHosts(() => clock);
  const waits = (ms: number, failure?: Error) => async () => {
    asked += 1;
    clock += ms;
    if (failure) throw failure;
    return 'answer';
  };
  const ask = (host: string, answers: () => Promise<string>) =>
    hosts.unlessSilent(host, answers).catch((error: Error) => error.message);
  const pass = (ms: number): void => {
    clock += ms;
  };
  return { hosts, ask, waits, pass, asked: () => asked };
}

const silence = new Retryable('image_unavailable', 'waited');
const NOT_ASKED = "An image's host has not answered for a while";

test('a host that was waited for three times in a row is asked once a minute, until it answers', async () => {
  const { ask, waits, pass, asked } = setup();
  for (let n = 0; n < 3; n++) expect(await ask('dead', waits(20_000, silence))).toBe('waited');
  for (let n = 0; n < 100; n++) expect(await ask('dead', waits(20_000, silence))).toBe(NOT_ASKED);
  expect(asked()).toBe(3);
  pass(60_000);
  expect(await ask('dead', waits(20_000, silence))).toBe('waited');
  expect(await ask('dead', waits(20_000, silence))).toBe(NOT_ASKED);
  expect(asked()).toBe(4);
  pass(60_000);
  expect(await ask('dead', waits(100))).toBe('answer');
  expect(await ask('dead', waits(100))).toBe('answer');
});

test('while one asks again, the others do not wait', async () => {
  const { hosts, ask, waits, pass } = setup();
  for (let n = 0; n < 3; n++) await ask('dead', waits(20_000, silence));
  pass(60_000);
  let answer = (_text: string) => {};
  const asking = hosts.unlessSilent(
    'dead',
    () => new Promise<string>((resolve) => (answer = resolve)),
  );
  expect(await ask('dead', waits(0))).toBe(NOT_ASKED);
  answer('answer');
  expect(await asking).toBe('answer');
  expect(await ask('dead', waits(0))).toBe('answer');
});

test('an answer between the waits, a verdict, and a failure that comes at once show no silence', async () => {
  const { ask, waits, asked } = setup();
  for (let n = 0; n < 10; n++) {
    await ask('slow', waits(20_000, silence));
    await ask('slow', waits(20_000, silence));
    expect(await ask('slow', waits(10_000))).toBe('answer');
  }
  for (let n = 0; n < 10; n++) expect(await ask('down', waits(5, silence))).toBe('waited');
  const tooLarge = new Terminal('image_unreadable', 'too large');
  for (let n = 0; n < 10; n++) expect(await ask('big', waits(9_000, tooLarge))).toBe('too large');
  expect(asked()).toBe(50);
});

test('one silent host says nothing about another', async () => {
  const { ask, waits } = setup();
  for (let n = 0; n < 9; n++) await ask('dead', waits(20_000, silence));
  expect(await ask('alive', waits(0))).toBe('answer');
});

test('of very many silent hosts those that were silent longest ago are forgotten', async () => {
  const { ask, waits } = setup();
  for (let host = 0; host <= 1_000; host++) {
    for (let n = 0; n < 3; n++) await ask(`${host}`, waits(3_000, silence));
    if (host > 0) expect(await ask(`${host}`, waits(0))).toBe(NOT_ASKED);
  }
  expect(await ask('0', waits(0))).toBe('answer');
});
