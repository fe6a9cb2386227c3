import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import type { Problem } from '../generation/errors.ts';
import { fieldBelow } from '../generation/json-value.ts';
import { serviceAt } from './refused-ports.ts';

/**
 * Which URLs from outside may be used: as input for a provider, and as an address that we call or
 * download from ourselves. Pure rules on the text of a URL. Names are resolved, and their addresses
 * judged, only when we connect: providers/public-address.ts.
 */

/** Longest URL accepted, in characters. */
export const MAX_URL_LENGTH = 2_048;

export interface UrlPolicy {
  /** Permits `http:` and private networks. For development only. */
  readonly allowInsecure: boolean;
  /** In characters; `MAX_URL_LENGTH` unless given. */
  readonly maxLength?: number | undefined;
}

/** What the URL parser would quietly drop or turn into a slash, and other programs would not. */
const AMBIGUOUS = /[\s\\\p{Cc}]/u;

/** Names that never mean a host on the internet (RFC 6761, RFC 6762, RFC 8375, and customs). */
const PRIVATE_SUFFIXES = ['localhost', 'local', 'internal', 'home.arpa', 'localdomain', 'lan'];

/** Azure's platform service: an address that looks public and never is. */
const PLATFORM_ADDRESSES = ['168.63.129.16'];

/**
 * An image that is handed over as a URL. Whether its host is acceptable is a matter of settings,
 * which a model's schema does not know: `findUrlProblems` asks that of the parsed input.
 */
export const ImageUrl = z
  .string()
  .superRefine((value, context) => {
    const message = syntaxProblem(value);
    if (message) context.addIssue({ code: 'custom', message });
  })
  // For the JSON Schema, which cannot show what code decides.
  .meta({ format: 'uri', maxLength: MAX_URL_LENGTH });

/** Why this URL must not be used, in words that follow its field's name; undefined when it may. */
export function checkPublicUrl(url: string, policy: UrlPolicy): string | undefined {
  const syntax = syntaxProblem(url, policy.maxLength);
  if (syntax) return syntax;
  const { protocol, username, password, hostname, port } = new URL(url);
  if (username || password) return 'must not hold a user name or password';
  if (policy.allowInsecure) return undefined;
  if (protocol !== 'https:') return 'must start with https://';
  return hostProblem(hostname) ?? portProblem(port);
}

/**
 * Every URL in a parsed input that the policy refuses, each with its path: `input.garmentImages.0`.
 * Strings that are not one URL, such as a prompt, are passed over.
 */
export function findUrlProblems(input: unknown, policy: UrlPolicy, field = 'input'): Problem[] {
  if (typeof input === 'string') {
    const message = looksLikeUrl(input) ? checkPublicUrl(input, policy) : undefined;
    return message ? [{ field, message }] : [];
  }
  if (typeof input !== 'object' || input === null) return [];
  return Object.entries(input).flatMap(([key, value]) =>
    findUrlProblems(value, policy, fieldBelow(field, key)),
  );
}

/**
 * Whether an IP address belongs to a host on the internet. Addresses that carry an IPv4 address
 * inside (mapped, NAT64) are judged by that one. What does not parse is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  return parsed instanceof ipaddr.IPv6 ? isPublicIpv6(parsed) : isPublicIpv4(parsed);
}

function isPublicIpv4(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.range() === 'unicast' && !PLATFORM_ADDRESSES.includes(address.toString());
}

function isPublicIpv6(address: ipaddr.IPv6): boolean {
  if (address.isIPv4MappedAddress()) return isPublicIpv4(address.toIPv4Address());
  // A network without IPv4 reaches every IPv4 host through this prefix, so it cannot be refused.
  if (address.match(ipaddr.IPv6.parse('64:ff9b::'), 96))
    return isPublicIpv4(lastFourBytes(address));
  // 2000::/3 is all that is given out; 6to4, Teredo and documentation inside it have other ranges.
  return address.range() === 'unicast' && address.match(ipaddr.IPv6.parse('2000::'), 3);
}

function lastFourBytes(address: ipaddr.IPv6): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

function syntaxProblem(url: string, maxLength = MAX_URL_LENGTH): string | undefined {
  if (/^\s*data:/i.test(url)) {
    return 'is a data: URI; upload the image somewhere and send its https:// URL';
  }
  if (url.length > maxLength) return `must have at most ${maxLength} characters`;
  if (AMBIGUOUS.test(url) || !/^https?:\/\/[^/]/i.test(url) || !URL.canParse(url)) {
    return 'must be a complete https:// URL';
  }
  return undefined;
}

function hostProblem(hostname: string): string | undefined {
  const host = hostname.replace(/\.+$/, '');
  // The URL parser has already turned every numeric spelling into dotted decimal.
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0) {
    return isPublicAddress(address) ? undefined : 'must not point into a private network';
  }
  const isPrivate = PRIVATE_SUFFIXES.some((name) => host === name || host.endsWith(`.${name}`));
  return isPrivate || !host.includes('.') ? 'must name a host on the internet' : undefined;
}

/** @param port as the URL parser gives it: empty for the usual one of its scheme. */
function portProblem(port: string): string | undefined {
  const service = port === '' ? undefined : serviceAt(Number(port));
  return service && `must not use port ${port}, which is usually that of ${service}`;
}

function looksLikeUrl(text: string): boolean {
  return /^\s*(https?:|[a-z][a-z0-9+.-]*:[/\\]|data:[\w.+-]*(\/[\w.+-]*)?[;,])/i.test(text);
}
