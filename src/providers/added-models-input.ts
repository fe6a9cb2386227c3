import { z } from 'zod';
import { ImageUrl } from '../outbound/url-policy.ts';
import type { Field } from './added-models-file.ts';
import { putAt } from './wire-path.ts';
import { parseInput } from './wire-values.ts';

type Fields = Readonly<Record<string, Field>>;
type Input = Record<string, unknown>;

/** What an app may ask, as every other model's schema says it: nothing unknown, pictures as links. */
export function inputSchema(fields: Fields): z.ZodType<Input> {
  const shape = Object.entries(fields).map(([name, field]) => {
    const schema = field.required ? schemaOf(field) : schemaOf(field).optional();
    return [name, field.about ? schema.meta({ description: field.about }) : schema] as const;
  });
  return z.strictObject(Object.fromEntries(shape));
}

function schemaOf(field: Field): z.ZodType {
  switch (field.type) {
    case 'image':
    case 'link':
      return ImageUrl;
    case 'images':
      return z.array(ImageUrl).min(field.min).max(field.max);
    case 'text':
      return z.string().trim().min(1).max(field.maxLength);
    case 'integer':
      return within(z.int(), field);
    case 'number':
      return within(z.number(), field);
    case 'boolean':
      return z.boolean();
    case 'choice':
      return z.enum(Array.isArray(field.values) ? field.values : Object.keys(field.values));
  }
}

function within(schema: z.ZodNumber, { min, max }: { min?: number; max?: number }): z.ZodNumber {
  const from = min === undefined ? schema : schema.min(min);
  return max === undefined ? from : from.max(max);
}

/** An input in the provider's words: its constants, and over them what the app says. */
export function wireInputOf(model: {
  input: z.ZodType<Input>;
  fields: Fields;
  constants: Readonly<Record<string, unknown>>;
}): (input: Input) => Input {
  return (raw) => {
    const input = parseInput(model.input, raw);
    const wire: Input = {};
    for (const [path, value] of Object.entries(model.constants)) putAt(wire, path, value);
    for (const [name, field] of Object.entries(model.fields)) {
      const said = input[name];
      if (said !== undefined) putAt(wire, field.to ?? name, wordFor(field, said));
    }
    return wire;
  };
}

function wordFor(field: Field, said: unknown): unknown {
  if (field.type !== 'choice' || Array.isArray(field.values)) return said;
  return field.values[String(said)];
}
