import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { Recording } from '../../../rig/record/recording.ts';
import { startSimulator } from '../../../simulator/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as people start it. */
async function catwalkRecord(args: readonly string[], env: Record<string, string>, cwd: string) {
  const root = new URL('../../../', import.meta.url).pathname;
  const program = ['--import', import.meta.resolve('tsx'), join(root, 'rig/catwalk.ts'), 'record'];
  const options = { cwd, env: { PATH: process.env['PATH'], ...env } };
  return promisify(execFile)(process.execPath, [...program, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

test('records, compares with the simulated provider, and says by its exit whether anything differs', async () => {
  const simulator = await startSimulator({ latencyMs: { min: 500, max: 500 } });
  onTestFinished(() => simulator.close());
  const folder = await temporaryFolder();
  const assets = `${simulator.url}/assets`;
  const input = {
    personImage: `${assets}/person.png`,
    garmentImages: [`${assets}/garment-shirt.png`],
  };
  await writeFile(join(folder, 'input.json'), JSON.stringify(input));
  const env = {
    FASHN_API_KEY: 'fa-key-of-a-real-account',
    FASHN_BASE_URL: `${simulator.url}/fashn`,
    ALLOW_INSECURE_URLS: 'true',
    POLL_PROFILES: '{"fashn":{"firstAfterMs":200,"everyMs":200,"longestMs":200}}',
  };
  const args = ['--provider', 'fashn', '--model', 'tryon-v1.6', '--input', 'input.json'];
  const done = await catwalkRecord([...args, '--compare'], env, folder);
  expect(done.stderr).toBe('');
  const found = done.stdout.split('\n').filter((line) => /^[a-z-]+ (?:GET|POST) /.test(line));
  expect(done.stdout.includes('Nothing differs in shape.')).toBe(found.length === 0);
  expect(done.code).toBe(found.length === 0 ? 0 : 1);
  // On a busy machine a live word may be over before anybody asks.
  expect(found.filter((line) => !line.includes('status says'))).toEqual([]);
  const written = await readFile(join(folder, 'fashn-recording.json'), 'utf8');
  expect(Recording.parse(JSON.parse(written)).end).toBe('completed');
  expect(written).not.toContain(env.FASHN_API_KEY);
}, 60_000);

test('says what is missing, and pays for nothing', async () => {
  const folder = await temporaryFolder();
  const done = await catwalkRecord(['--provider', 'fashn', '--model', 'x'], {}, folder);
  expect(done).toMatchObject({ code: 2, stdout: '' });
  expect(done.stderr).toContain('--input: is required');
}, 60_000);
