import dns from 'node:dns';
import { isIP } from 'node:net';

/**
 * Loaded into the guarded worker before anything else: the name service of an attacker, who gives
 * names of a public look this machine's own addresses. Nothing else is looked up, so that no try
 * leaves this machine.
 */
const ANSWERS = [
  ['127.0.0.1'],
  ['127.0.0.2'],
  ['::1'],
  ['::ffff:127.0.0.1'],
  ['0.0.0.0'],
  ['93.184.215.14', '127.0.0.1'],
];

const realLookup = dns.lookup as (...args: unknown[]) => void; // one function, typed by overloads

type Callback = (error: Error | null, address?: unknown, family?: number) => void;

let asked = 0;

function lookup(hostname: string, options: unknown, callback: Callback): void {
  if (isIP(hostname)) {
    realLookup(hostname, options, callback);
    return;
  }
  const wantsAll =
    typeof options === 'object' && options !== null && 'all' in options && options.all;
  if (!hostname.endsWith('.attack.example')) {
    const error = Object.assign(new Error(`ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' });
    process.nextTick(callback, error);
    return;
  }
  const addresses = (ANSWERS[asked % ANSWERS.length] ?? []).map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));
  asked += 1;
  const [first] = addresses;
  if (wantsAll) process.nextTick(callback, null, addresses);
  else process.nextTick(callback, null, first?.address, first?.family);
}

// Node's own has more overloads than this one needs.
dns.lookup = lookup as unknown as typeof dns.lookup;
