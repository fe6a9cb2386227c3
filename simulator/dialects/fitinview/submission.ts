import type { Request } from 'express';
import { z } from 'zod';
import type { Refusal } from '../../contract/refusal.ts';
import type { Submission } from '../../contract/submission.ts';
import { HttpUrl, invalid } from '../inputs.ts';

// Facts: as in dialect.ts.

const SIZES = {
  '1K': { px: 1024, credits: 8 },
  '2K': { px: 2048, credits: 12 },
  '4K': { px: 4096, credits: 20 },
} as const;

// Each canonical field has aliases, which count only when the canonical one is empty.
const Images = z.array(z.string()).nullish();

const Body = z.object({
  person_url: z.string().nullish(),
  person: z.string().nullish(),
  model_url: z.string().nullish(),
  input_url: z.string().nullish(),
  garment_urls: Images,
  garments: Images,
  clothing: Images,
  items: Images,
  output_size: z.string().nullish(),
  resolution: z.string().nullish(),
  size: z.string().nullish(),
  // Documented as https only; http is let through so that a laptop can receive the webhook.
  webhook_url: HttpUrl.nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  seed: z.number().int().nullish(),
  wait: z.boolean().nullish(),
  mode: z.enum(['sync', 'async']).nullish(),
});

/** What a task keeps of its request. */
export const Notes = z.object({
  metadata: z.record(z.string(), z.unknown()).optional(),
  seed: z.number().optional(),
  waits: z.boolean(),
});

const MAX_IDEMPOTENCY_KEY_LENGTH = 200;

/** Reads a try-on, under the names of its fields or their aliases. */
export function readSubmission(request: Request): Submission | Refusal {
  if (!request.is('application/json')) return invalid('Content-Type must be application/json.');
  const parsed = Body.safeParse(request.body);
  if (!parsed.success) return invalid(parsed.error);
  const body = parsed.data;

  const personUrl = body.person_url || body.person || body.model_url || body.input_url || '';
  if (!HttpUrl.safeParse(personUrl).success) return invalid('person_url must be a URL.');
  const garmentUrls =
    [body.garment_urls, body.garments, body.clothing, body.items].find((list) => list?.length) ??
    [];
  if (garmentUrls.length < 1 || garmentUrls.length > 3) {
    return invalid('garment_urls must name 1 to 3 images.');
  }
  if (!garmentUrls.every((url) => HttpUrl.safeParse(url).success)) {
    return invalid('garment_urls must be URLs.');
  }
  const sizeName = (body.output_size || body.resolution || body.size || '1K').toUpperCase();
  if (!isSize(sizeName)) return invalid('output_size must be 1K, 2K or 4K.');
  const idempotencyKey = request.get('idempotency-key');
  if (idempotencyKey !== undefined && idempotencyKey.length > MAX_IDEMPOTENCY_KEY_LENGTH) {
    return invalid('Idempotency-Key is longer than 200 characters.');
  }

  const { px, credits } = SIZES[sizeName];
  // Test keys never run the model: a stock image, no credits, and an echo of metadata and seed.
  const isTestKey = readKey(request)?.startsWith('fiv_test_') === true;
  return {
    personImage: personUrl,
    garmentImages: garmentUrls,
    outputSize: { widthPx: px, heightPx: px, fit: 'inside' },
    resultCount: 1,
    creditCost: isTestKey ? 0 : credits,
    stockResult: isTestKey,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(body.webhook_url != null && { webhookUrl: body.webhook_url }),
    notes: {
      // Waiting is the default; the boolean wins over its alias.
      waits: body.wait ?? body.mode !== 'async',
      ...(body.metadata != null && { metadata: body.metadata }),
      ...(isTestKey && body.seed != null && { seed: body.seed }),
    },
  };
}

function isSize(name: string): name is keyof typeof SIZES {
  return Object.hasOwn(SIZES, name);
}

/** The key, when it looks like one. */
export function readKey(request: Request): string | undefined {
  return /^Bearer (fiv_\S+)$/.exec(request.get('authorization') ?? '')?.[1];
}
