import {
  type Delivery,
  isAuthentic,
  type WebhookSupport,
} from '../../../src/providers/provider.ts';
import { type Fixture, LINK, type Signer, type WebhookFixture } from '../fixture.ts';
import { openWorld } from '../world.ts';

/** How the rules hear deliveries. */
export async function listen(fixture: Fixture) {
  const world = await openWorld(fixture);
  const support: WebhookSupport | undefined = world.adapter.webhook;
  const webhook: WebhookFixture | undefined = fixture.webhook;
  if (!support || !webhook) throw new Error('the adapter and its fixture have a webhook');
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  return {
    world,
    support,
    webhook,
    bytes,
    header: webhook.signatureHeader ?? 'the fixture names no signature header',
    body: bytes(webhook.body.completed(fixture.taskId(1), LINK)),
    verify: (delivery: Delivery) => isAuthentic(support, delivery),
    deliver: (body: Buffer, signer: Signer): Delivery => ({
      headers: webhook.sign?.(body, signer, Date.now()) ?? {},
      body,
    }),
  };
}
