import { z } from 'zod';
import { TENANT } from '../config/limits.ts';
import { GenerationId } from '../generation/ids.ts';
import { createEraseResults, type EraseResults } from '../vault/erase-results.ts';
import type { Vault } from '../vault/vault.ts';
import { type Command, type Operation, readFlags, UsageError } from './command.ts';

const HELP = `catwalk erase --generation ID | --tenant NAME

Erases what the vault keeps: of one generation, or of all of a tenant. Each one's link answers 410
from then on, and what is being copied at this moment is removed as well.

  --generation ID    whose results; may be repeated
  --tenant NAME      everything that is kept for this tenant

Prints a JSON line for each generation, signed with CATWALK_SECRET: what was erased (hashes, sizes)
and when. docs/results.md says how to check one. May be run again, which erases what is left.
`;

const OPTIONS = {
  generation: { type: 'string', multiple: true },
  tenant: { type: 'string' },
} as const;

const Flags = z.object({
  generation: z.array(GenerationId).optional(),
  tenant: z.string().regex(TENANT.pattern, `takes ${TENANT.words}`).optional(),
});
type Flags = z.infer<typeof Flags>;

/** Erases kept results, with proof. */
export const ERASE: Command = {
  about: 'erase kept results of a generation or a tenant, with proof',
  help: HELP,
  read(args) {
    const flags = readFlags(args, OPTIONS, Flags);
    if ((flags.generation === undefined) === (flags.tenant === undefined)) {
      throw new UsageError('say either --generation or --tenant');
    }
    return (operation) => erase(flags, operation);
  },
};

async function erase({ generation, tenant }: Flags, operation: Operation): Promise<void> {
  const { vault, settings, now, say } = operation;
  if (!vault) throw new UsageError('there is no vault: set VAULT_DIR or VAULT_S3_BUCKET');
  if (settings.CATWALK_SECRET.length === 0) {
    throw new UsageError('CATWALK_SECRET is required: it signs the proof');
  }
  const eraseResults = createEraseResults({
    ...{ vault, now, secrets: settings },
    filesFolder: settings.FILES_DIR,
  });
  const erased = tenant === undefined ? named(generation ?? []) : ofTenant(vault, tenant);
  let count = 0;
  for await (const id of erased) {
    const proof = await eraseOne(eraseResults, id);
    if (proof) say(`${JSON.stringify(proof)}\n`);
    if (proof) count += 1;
  }
  if (count === 0) throw new UsageError('nothing is kept of what was named');
}

async function* named(ids: readonly GenerationId[]): AsyncGenerator<GenerationId> {
  yield* ids;
}

/** Those erased before are passed over, unless files of theirs were left. */
async function* ofTenant({ ledger }: Vault, tenant: string): AsyncGenerator<GenerationId> {
  const seen = new Set<GenerationId>();
  for await (const { id, kept } of ledger.all()) {
    if (kept.tenant !== tenant || seen.has(id)) continue;
    seen.add(id);
    yield id;
  }
}

async function eraseOne(eraseResults: EraseResults, id: GenerationId) {
  const proof = await eraseResults(id);
  const isNews = proof?.filesRemoved || proof?.results.some(({ was }) => was !== 'erased');
  return isNews ? proof : undefined;
}
