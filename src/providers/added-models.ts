import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import type { AddedModel } from './added-model.ts';
import { ModelsFile } from './added-models-file.ts';
import { inputSchema, wireInputOf } from './added-models-input.ts';
import { InvalidProviderSettings } from './provider-settings.ts';
import { linksAt } from './result-links.ts';

/** The added models of each provider, by their names. */
export type AddedModels = ReadonlyMap<string, ReadonlyMap<string, AddedModel>>;

/**
 * The models that a file adds (`MODELS_FILE`; docs/adding-a-model.md).
 * @param path JSON, from the working directory; undefined and blank: none are added.
 * @throws InvalidProviderSettings naming the file and every field of it that is wrong.
 */
export async function loadAddedModels(path: string | undefined): Promise<AddedModels> {
  const file = path?.trim();
  if (!file) return new Map();
  const parsed = ModelsFile.safeParse(await readJson(file));
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `MODELS_FILE: ${file}: ${inWords(issue)}`);
    throw new InvalidProviderSettings(lines.join('\n'));
  }
  const providers = Object.entries(parsed.data).map(
    ([provider, entries = {}]) => [provider, modelsOf(entries)] as const,
  );
  return new Map(providers);
}

async function readJson(file: string): Promise<unknown> {
  const refused = (why: string) => (cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new InvalidProviderSettings(`MODELS_FILE: ${file} ${why}: ${reason}`, { cause });
  };
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw refused('cannot be read')(cause);
  });
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw refused('is not JSON')(cause);
  }
}

/** Which field of which model: `fal, fal-ai/flux/dev: input.steps.max: must be …`. */
function inWords(issue: z.core.$ZodIssue): string {
  const [provider, model, ...field] = issue.path.map(String);
  const where = [[provider, model].filter(Boolean).join(', '), field.join('.')].filter(Boolean);
  // What is wrong with a name is said within.
  const [why = issue] = issue.code === 'invalid_key' ? issue.issues : [];
  return [...where, why.message].join(': ');
}

type Entries = NonNullable<ModelsFile[keyof ModelsFile]>;

function modelsOf(entries: Entries): ReadonlyMap<string, AddedModel> {
  return new Map(Object.entries(entries).map(([name, entry]) => [name, modelOf(entry)]));
}

function modelOf(entry: Entries[string]): AddedModel {
  const { input: fields, constants, results, ...described } = entry;
  const input = inputSchema(fields);
  return {
    ...described,
    input,
    wireInput: wireInputOf({ input, fields, constants }),
    linksIn: results === undefined ? undefined : linksAt(results),
  };
}
