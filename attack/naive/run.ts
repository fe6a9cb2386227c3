import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Cleanup } from '../../rig/cleanup.ts';
import { compileToTemporaryFolder } from '../../rig/compile.ts';
import { freePort } from '../../rig/ports.ts';
import type { Say, Verdict } from '../../rig/run-tool.ts';
import { startProcess } from '../../rig/start-process.ts';
import { createCampaign } from '../campaign.ts';
import { DIALECTS } from '../dialects.ts';
import { FAMILIES, familyNamed, shareOut } from '../families/catalogue.ts';
import { limitMemory } from '../memory-limit.ts';
import { type Overheard, Ready, type Target } from '../messages.ts';
import type { AttackOptions } from '../options.ts';
import { isRowKept, printRows, totalsOf } from '../report.ts';
import { startVictim } from '../victim.ts';

/** The same attacks against the careless receiver: a suite that finds nothing here finds nothing. */
export async function runNaive(
  options: AttackOptions,
  cleanup: Cleanup,
  say: Say,
): Promise<Verdict> {
  say('compiling');
  const folder = await compileToTemporaryFolder(cleanup);
  const [port, secret] = [await freePort(), randomBytes(16).toString('hex')];
  const url = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env['PATH'] ?? '', PORT: String(port), SECRET: secret };
  const limit = await limitMemory(cleanup);
  const readyUrl = `${url}/livez`;
  const web = startVictim('naive', 'attack/naive/web', { folder, env, readyUrl, limit });
  cleanup.add(web.stop);
  await web.untilReady();
  const logFile = join(folder, 'attacker.log');
  const attacker = startProcess('attack/attacker', { folder, env, logFile, messages: true });
  cleanup.add(() => attacker.stop());
  await attacker.hear(Ready, 60_000);

  const target = naiveTarget(url, port, secret);
  const campaign = createCampaign({
    ...{ seed: options.seed, say, crashes: web.crashes },
    target: async () => target,
  });
  const chosen = options.only === undefined ? FAMILIES : [familyNamed(options.only)];
  const families = chosen.filter(({ fitsNaive }) => fitsNaive);
  for (const [family, count] of shareOut(families, options.attempts)) {
    await campaign.attack(attacker, family, count);
  }
  const rows = campaign.rows();
  const isKept = rows.every(isRowKept);
  const all = { isKept, totals: totalsOf(rows), rows };
  return { isKept, text: options.json ? `${JSON.stringify(all)}\n` : `\n${printRows(rows)}\n` };
}

/** Nobody delivers anything here, so what could have been overheard is made up. */
function naiveTarget(url: string, port: number, secret: string): Target {
  const overheard = Object.entries(DIALECTS).map(([provider, dialect]): Overheard => {
    const body = Buffer.from(JSON.stringify(dialect.completed(`task-of-${provider}`)));
    const id = 'gen_01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const path = provider === 'vtryon' ? '/webhooks/vtryon' : `/webhooks/${provider}/${id}/secret`;
    const headers = dialect.sign?.(body, secret, Date.now()) ?? {};
    return { provider, path, headers, body: body.toString('base64') };
  });
  return {
    ...{ url, port, guardedUrl: null, guardedKey: 'none', malloryKey: 'mallory', trapPort: 1 },
    ...{ picturesUrl: `${url}/assets`, boardLogin: 'operator:password', underWay: [], overheard },
    shopIds: ['gen_01ARZ3NDEKTSV4RRFFQ69G5FAV'],
    secrets: Object.fromEntries(Object.keys(DIALECTS).map((provider) => [provider, secret])),
    isRedisAway: false,
  };
}
