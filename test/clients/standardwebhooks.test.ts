import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { replicate } from '../../simulator/index.ts';
import { signStandard, verifyStandard } from '../../src/outbound/signature.ts';
import { type ReceivedWebhook, setup } from '../simulator/setup.ts';

/** A whole second: the library compares whole seconds, and we compare milliseconds. */
const now = Date.parse('2026-11-20T12:00:00Z');
const at = now / 1000;
const id = 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W';
const body = JSON.stringify({ id: 'gen_1', status: 'completed', note: 'ünïcödé' });
const secretOf = (text: string) => `whsec_${Buffer.from(text).toString('base64')}`;
const secret = secretOf('a secret of twenty-four.');
const older = secretOf('the secret that we had..');

interface Delivery {
  headers: Record<string, string | undefined>;
  body: string;
}

/** The same message, signed by each side. */
const signers: Record<string, (timestampSeconds: number, secrets: string[]) => string> = {
  'the library': (seconds, secrets) =>
    secrets.map((one) => new Webhook(one).sign(id, new Date(seconds * 1000), body)).join(' '),
  Catwalk: (timestampSeconds, secrets) => signStandard({ id, timestampSeconds, body, secrets }),
};

function headersOf(signature: string, seconds: number): Delivery['headers'] {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signature,
  };
}

function libraryBelieves(delivery: Delivery, held: string): boolean {
  const given = Object.entries(delivery.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  try {
    new Webhook(held).verify(delivery.body, Object.fromEntries(given), { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

function catwalkBelieves(delivery: Delivery, held: string): boolean {
  return verifyStandard({ secrets: [held], ...delivery, now: Date.now() });
}

const verdictsOn = (delivery: Delivery, held = secret) => ({
  library: libraryBelieves(delivery, held),
  catwalk: catwalkBelieves(delivery, held),
});
const both = (believed: boolean) => ({ library: believed, catwalk: believed });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now });
  onTestFinished(() => void vi.useRealTimers());
});

describe.each(Object.entries(signers))('what %s signs', (_name, sign) => {
  const delivery = (seconds = at, secrets = [secret]): Delivery => ({
    headers: headersOf(sign(seconds, secrets), seconds),
    body,
  });
  const withHeader = (name: string, value: string | undefined): Delivery => {
    const signed = delivery();
    return { ...signed, headers: { ...signed.headers, [name]: value } };
  };
  const good = sign(at, [secret]);

  test('Webhook.verify and Catwalk believe what each other signs', () => {
    expect(verdictsOn(delivery())).toEqual(both(true));
    expect(verdictsOn(delivery(), secret.replace('whsec_', ''))).toEqual(both(true));
  });

  test.each([
    [-301, false],
    [-300, true],
    [300, true],
    [301, false],
  ])(
    'Webhook.verify and Catwalk agree on a clock that is off by %i seconds: %s',
    (off, believed) => {
      expect(verdictsOn(delivery(at + off))).toEqual(both(believed));
    },
  );

  test('Webhook.verify and Catwalk find the good signature among others', () => {
    for (const listed of [
      `${good} v1,AAAA`,
      `v1,AAAA ${good}`,
      `v1a,x ${good} v2,y`,
      `  ${good}`,
    ]) {
      expect(verdictsOn(withHeader('webhook-signature', listed)), listed).toEqual(both(true));
    }
  });

  test('Webhook.verify and Catwalk refuse signatures of other versions, and what is none', () => {
    const value = good.replace('v1,', '');
    const odd = ['v1,AAAA v2,BBBB', 'v1,', 'v1', ',', value, 'garbage'];
    for (const listed of [`v2,${value}`, `v1a,${value}`, `V1,${value}`, `1,${value}`, ...odd]) {
      expect(verdictsOn(withHeader('webhook-signature', listed)), listed).toEqual(both(false));
    }
  });

  test('Webhook.verify and Catwalk believe both secrets of a rotation, and no third', () => {
    const rotated = delivery(at, [secret, older]);
    expect(verdictsOn(rotated, secret)).toEqual(both(true));
    expect(verdictsOn(rotated, older)).toEqual(both(true));
    expect(verdictsOn(rotated, secretOf('somebody else, elsewhere'))).toEqual(both(false));
    expect(verdictsOn(delivery(), older)).toEqual(both(false));
    const { headers } = delivery(at, [older]);
    expect(verifyStandard({ secrets: [secret, older], headers, body, now })).toBe(true);
  });

  test('Webhook.verify and Catwalk refuse a body, id or time that was changed', () => {
    for (const changed of ['', `${body} `, body.replace('gen_1', 'gen_2'), body.normalize('NFD')]) {
      expect(verdictsOn({ ...delivery(), body: changed }), changed).toEqual(both(false));
    }
    expect(verdictsOn(withHeader('webhook-id', 'msg_another'))).toEqual(both(false));
    expect(verdictsOn(withHeader('webhook-timestamp', String(at - 1)))).toEqual(both(false));
  });

  test('Webhook.verify and Catwalk refuse a header that is missing or empty', () => {
    for (const name of Object.keys(delivery().headers)) {
      for (const value of [undefined, '']) {
        expect(verdictsOn(withHeader(name, value)), name).toEqual(both(false));
      }
    }
  });

  test('Webhook.verify and Catwalk refuse a time that is none', () => {
    for (const time of ['now', 'NaN', '-5', '0', '1e9', '0x6920', '99999999999999999999', '٣']) {
      expect(verdictsOn(withHeader('webhook-timestamp', time)), time).toEqual(both(false));
    }
  });

  // What passes at the library, and not here: nobody signs so, and one meaning has one spelling.
  test('Webhook.verify believes odd spellings of what was signed, and Catwalk does not', () => {
    const odd = [
      ['webhook-timestamp', `${at}.9`],
      ['webhook-timestamp', ` ${at}`],
      ['webhook-timestamp', `${at} seconds`],
      ['webhook-timestamp', `0${at}`],
      ['webhook-signature', `${good},and more`],
    ] as const;
    for (const [name, value] of odd) {
      const { library, catwalk } = verdictsOn(withHeader(name, value));
      expect([library, catwalk], value).toEqual([true, false]);
    }
  });
});

test('Webhook.verify forgets parts of a second, so it believes an old message a little longer than Catwalk', () => {
  vi.setSystemTime(now + 900);
  const signature = new Webhook(secret).sign(id, new Date(now - 300_000), body);
  const verdicts = verdictsOn({ headers: headersOf(signature, at - 300), body });
  expect(verdicts).toEqual({ library: true, catwalk: false });
});

test('Webhook.sign takes an id with a dot; Catwalk neither signs nor believes one', () => {
  const dotted = 'msg.1';
  const signature = new Webhook(secret).sign(dotted, new Date(now), body);
  const headers = { ...headersOf(signature, at), 'webhook-id': dotted };
  expect(verdictsOn({ headers, body })).toEqual({ library: true, catwalk: false });
  const message = { id: dotted, timestampSeconds: at, body, secrets: [secret] };
  expect(() => signStandard(message)).toThrow('dot');
});

/** What an app's endpoint does with a webhook of Replicate's. */
function verified(webhook: ReceivedWebhook | undefined, held: string): unknown {
  const header = (name: string) => String(webhook?.headers[name]);
  return new Webhook(held).verify(webhook?.bytes ?? '', {
    'webhook-id': header('webhook-id'),
    'webhook-timestamp': header('webhook-timestamp'),
    'webhook-signature': header('webhook-signature'),
  });
}

async function predictionsOf(options: { scenario?: 'forged-signature'; secret?: string }) {
  vi.useRealTimers();
  const { scenario, secret: own } = options;
  const world = await setup({
    ...(scenario && { scenario }),
    ...(own && { providers: { replicate: { secret: own } } }),
  });
  await world.post('/replicate/v1/models/google/nano-banana/predictions', 'r8_tests', {
    input: { prompt: 'dress them', image_input: [world.person(), world.garment()] },
    webhook: world.receiver.url,
    webhook_events_filter: ['completed'],
  });
  return world;
}

test('Webhook.verify believes what the simulator signs as Replicate, with its own secret and a set one', async () => {
  for (const own of [undefined, secret]) {
    const { receiver } = await predictionsOf(own === undefined ? {} : { secret: own });
    const [webhook] = await receiver.until(1);
    const held = own ?? replicate.defaultSecret;
    expect(verified(webhook, held)).toMatchObject({ status: 'succeeded' });
    expect(() => verified(webhook, older)).toThrow('No matching signature');
  }
});

test('Webhook.verify refuses what the simulator forges, and believes the true message after it', async () => {
  const { receiver } = await predictionsOf({ scenario: 'forged-signature' });
  const [forged, real] = await receiver.until(2);
  expect(() => verified(forged, replicate.defaultSecret)).toThrow('No matching signature');
  expect(verified(real, replicate.defaultSecret)).toMatchObject({ status: 'succeeded' });
});
