import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { Terminal } from '../generation/errors.ts';
import { isPublicAddress, type UrlPolicy } from './url-policy.ts';

/** Code of the error with which a connection to an address that is not public is refused. */
const PRIVATE_ADDRESS = 'private_address';

export interface OutboundAgentOptions extends UrlPolicy {
  /** How names are resolved; Node's own lookup unless given. */
  readonly lookup?: LookupFunction | undefined;
  /** Longest wait for a connection. Default 5 s. */
  readonly connectTimeoutMs?: number | undefined;
}

/**
 * The agent for every URL that came from outside. It refuses to connect to an address that is not
 * public, and judges the very addresses that the socket will use, so that a name which resolves to
 * something else a moment later gains nothing. A refusal is a `Terminal` with code
 * `private_address`. The caller closes the agent.
 */
export function createOutboundAgent(options: OutboundAgentOptions): Agent {
  // Idle sockets are dropped soon: hosts are many and hardly repeat.
  const reuse = { keepAliveTimeout: 1_000, keepAliveMaxTimeout: 1_000 };
  const timeout = options.connectTimeoutMs ?? 5_000;
  const lookup = options.lookup ?? (dns.lookup as LookupFunction); // same function, typed by overloads
  if (options.allowInsecure) return new Agent({ ...reuse, connect: { timeout, lookup } });

  const connect = buildConnector({ timeout, lookup: onlyPublic(lookup) });
  return new Agent({
    ...reuse,
    connect: (target, callback) => {
      // A literal address is never looked up, so it is judged here.
      const host = target.hostname.replace(/^\[|\]$/g, '');
      if (isIP(host) && !isPublicAddress(host)) callback(refused(), null);
      else connect(target, callback);
    },
  });
}

/** One private address among several refuses them all: which one the socket takes is not ours. */
function onlyPublic(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      const [first] = addresses;
      if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
        return callback(refused(), '', 0);
      }
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}

function refused(): Terminal {
  return new Terminal(PRIVATE_ADDRESS, 'The host resolves to an address that is not public');
}
