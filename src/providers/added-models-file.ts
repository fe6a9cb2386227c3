import { z } from 'zod';
import { isInside, WirePath } from './wire-path.ts';

/**
 * What a file of added models may say. Everything is looked at before anything runs, and what is
 * misspelt is named: nothing in the file is passed over.
 */

/** As URLs and settings can name it. */
const ModelName = z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,99}$/i, 'is no name of a model');

const FieldName = z
  .string()
  .regex(
    /^[a-z][A-Za-z0-9]{0,39}$/,
    'is no name of a field: 1-40 letters and digits, as in `seed`',
  );

const common = {
  /** Where the provider wants it; under the same name unless said. */
  to: WirePath.exactOptional(),
  required: z.boolean().default(false),
  /** One line for people who call the API. */
  about: z.string().min(1).max(200).exactOptional(),
};
const count = z.int().min(1).max(32);

/** One thing that an app may ask of the model, by its type. */
const Field = z.discriminatedUnion('type', [
  z.strictObject({ ...common, type: z.literal('image') }),
  z.strictObject({ ...common, type: z.literal('images'), min: count.default(1), max: count }),
  /** A link to something else than a picture, such as a video. */
  z.strictObject({ ...common, type: z.literal('link') }),
  z.strictObject({
    ...common,
    type: z.literal('text'),
    maxLength: z.int().min(1).max(10_000).default(2_000),
  }),
  z.strictObject({
    ...common,
    type: z.enum(['integer', 'number']),
    min: z.number().exactOptional(),
    max: z.number().exactOptional(),
  }),
  z.strictObject({ ...common, type: z.literal('boolean') }),
  z.strictObject({
    ...common,
    type: z.literal('choice'),
    /** The words that an app may say, or with each of them the provider's own for it. */
    values: z.union([
      z.array(z.string().min(1)).min(1),
      z
        .record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]))
        .refine((words) => Object.keys(words).length > 0, 'must name a value'),
    ]),
  }),
]);
export type Field = z.infer<typeof Field>;

const milliseconds = z
  .int()
  .min(50)
  .max(24 * 3_600_000);

const Entry = z
  .strictObject({
    type: z.enum(['image-fast', 'image-quality', 'video', 'audio', 'exponential']),
    about: z.string().regex(/^[^\n]{10,200}$/, 'takes one line of 10-200 characters'),
    price: z
      .string()
      .regex(/^[^\n]{3,200}$/, 'takes one line of 3-200 characters')
      .exactOptional(),
    providerModel: z.string().exactOptional(),
    /** What differs from the timing of its type. */
    poll: z
      .strictObject({
        firstAfterMs: milliseconds.exactOptional(),
        everyMs: milliseconds.exactOptional(),
        factor: z.number().min(1).max(10).exactOptional(),
        longestMs: milliseconds.exactOptional(),
        webhookGraceMs: milliseconds.exactOptional(),
        giveUpAfterMs: milliseconds.exactOptional(),
        maxPolls: z.int().min(1).exactOptional(),
        lastCheckAfterMs: z
          .int()
          .min(0)
          .max(24 * 3_600_000)
          .exactOptional(),
      })
      .exactOptional(),
    /** How long the provider keeps a result, where a document of its says so. */
    resultLifetimeMs: z.int().min(1_000).exactOptional(),
    input: z
      .record(FieldName, Field)
      .refine((fields) => Object.keys(fields).length > 0, 'must name a field'),
    /** Sent with every request, by the provider's paths; at a field's own path, its default. */
    constants: z.record(WirePath, z.json()).default({}),
    /** Where the links are in the result: names and `*`, joined by dots. */
    results: z
      .string()
      .regex(/^(\w+|\*)(\.(\w+|\*))*$/, 'takes names and `*` joined by dots, as in `images.*.url`')
      .exactOptional(),
  })
  .superRefine(({ input, constants }, context) => {
    const refuse = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const taken = new Map<string, string>();
    for (const [name, field] of Object.entries(input)) {
      const to = field.to ?? name;
      const other = taken.get(to);
      // Several may be put into one list.
      if (other !== undefined && !to.endsWith('[]')) {
        refuse(
          ['input', name, 'to'],
          `is where ${other} goes already; \`${to}[]\` is a list of both`,
        );
      }
      taken.set(to, name);
      if ('min' in field && (field.min ?? 0) > (field.max ?? Number.POSITIVE_INFINITY)) {
        refuse(['input', name, 'min'], 'must not be more than max');
      }
    }
    const paths = [...taken.keys(), ...Object.keys(constants)];
    const outer = paths.find((path) => paths.some((other) => isInside(other, path)));
    if (outer !== undefined) refuse([], `${outer} is both a value and an object with values in it`);
  });

/** How a provider's models are called there, and so what `providerModel` must look like. */
const PROVIDER_MODELS = {
  fal: {
    pattern: /^[a-z0-9][\w.-]*(\/[a-z0-9][\w.-]*)+$/i,
    words: 'must be as in the address of the model: `fal-ai/flux/dev`',
  },
  replicate: {
    pattern: /^[a-z0-9][\w.-]*\/[a-z0-9][\w.-]*(:[0-9a-f]{64})?$/i,
    words: 'must be `owner/name`, with `:` and its version for a community model',
  },
  segmind: {
    pattern: /^[a-z0-9][\w.-]*$/i,
    words: 'must be as in the address of the model: `idm-vton`',
  },
} as const;

const entriesOf = (provider: keyof typeof PROVIDER_MODELS) =>
  z
    .record(ModelName, Entry)
    .superRefine((entries, context) => {
      const { pattern, words } = PROVIDER_MODELS[provider];
      for (const [name, { providerModel }] of Object.entries(entries)) {
        if (pattern.test(providerModel ?? name)) continue;
        context.addIssue({ code: 'custom', path: [name, 'providerModel'], message: words });
      }
    })
    .exactOptional();

export const ModelsFile = z.strictObject({
  fal: entriesOf('fal'),
  replicate: entriesOf('replicate'),
  segmind: entriesOf('segmind'),
});
export type ModelsFile = z.infer<typeof ModelsFile>;
