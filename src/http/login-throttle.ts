import { isIP } from 'node:net';
import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import type { Logger } from '../config/log.ts';
import { HttpError } from './error-response.ts';

const WINDOW_MS = 15 * 60_000;
const MOST_OF_AN_ADDRESS = 10;
const MOST_OF_STRANGERS = 100;
const KNOWN_FOR_MS = 30 * 24 * 3_600_000;
const MOST_KNOWN = 1_000;
const REPORT_EVERY_MS = 60_000;
const MOST_REPORTED_ADDRESSES = 1_000;

/** What stands between a login and its check. Only guesses are told to it, never what was guessed. */
export interface LoginThrottle {
  /** @throws HttpError 429 while this address, or all strangers together, have failed too often. */
  admit(request: Request): void;
  failed(request: Request): void;
  succeeded(request: Request): void;
}

/**
 * Counts failed logins in windows of 15 minutes from the first: 10 for an address (an IPv6 /64 is
 * one), and 100 for all strangers together. A stranger is an address with no right login in the last
 * 30 days: however many addresses an attacker has, those of the operators stay open. Right logins
 * are not counted, and forgive nothing.
 *
 * What remains: an operator at a new address waits as long as strangers go on guessing; operators
 * who share their address with an attacker, as all do behind a proxy that `TRUST_PROXY` does not
 * name, wait with him; and each process counts for itself, from nothing when it starts.
 *
 * Checking and counting happen in one turn, so that guesses sent side by side cannot slip between the
 * two. That is why this is not express-rate-limit, whose store is asynchronous.
 */
export function createLoginThrottle(parts: { now: () => number; log: Logger }): LoginThrottle {
  const { now, log } = parts;
  const counts = createFailureCounts(now);
  const refused = createReport(log);

  return {
    admit(request) {
      const address = addressOf(request);
      const endsAt = counts.closedUntil(address);
      if (endsAt === undefined) return;
      refused.add(address);
      const seconds = Math.ceil((endsAt - now()) / 1000);
      // A browser shows this, and no header.
      const wait = `Try again in ${Math.ceil(seconds / 60)} min; until then a right one is refused, too.`;
      throw new HttpError(429, 'too_many_logins', `Too many failed logins. ${wait}`, seconds);
    },
    failed(request) {
      const address = addressOf(request);
      const failures = counts.add(address);
      log.warn({ address, ...failures, advice: adviceOn(request) }, 'board login failed');
    },
    succeeded(request) {
      counts.know(addressOf(request));
    },
  };
}

interface FailureCounts {
  /** Unix ms until which no login from this address is looked at; undefined when it is open. */
  closedUntil(address: string): number | undefined;
  /** One more failure; answers how many there are now. */
  add(address: string): { failures: number; failuresOfStrangers: number };
  /** Somebody at this address knows the password. */
  know(address: string): void;
}

function createFailureCounts(now: () => number): FailureCounts {
  const ofAddress = new Map<string, Window>();
  let ofStrangers: Window = { failures: 0, endsAt: 0 };
  const knownUntil = new Map<string, number>();
  const isKnown = (address: string): boolean => (knownUntil.get(address) ?? 0) > now();

  return {
    closedUntil(address) {
      const own = current(ofAddress.get(address), now());
      if (own.failures >= MOST_OF_AN_ADDRESS) return own.endsAt;
      const all = current(ofStrangers, now());
      return all.failures >= MOST_OF_STRANGERS && !isKnown(address) ? all.endsAt : undefined;
    },

    add(address) {
      const all = current(ofStrangers, now());
      // No more strangers are counted in a window than its limit: what is kept of them stays small.
      if (all !== ofStrangers) forgetEnded(ofAddress, now());
      ofStrangers = all;
      const own = current(ofAddress.get(address), now());
      own.failures++;
      ofAddress.set(address, own);
      if (!isKnown(address)) all.failures++;
      return { failures: own.failures, failuresOfStrangers: all.failures };
    },

    know(address) {
      // Taken out and put back, so that the one longest unseen comes first.
      knownUntil.delete(address);
      knownUntil.set(address, now() + KNOWN_FOR_MS);
      const [oldest] = knownUntil.keys();
      if (knownUntil.size > MOST_KNOWN && oldest !== undefined) knownUntil.delete(oldest);
    },
  };
}

interface Window {
  failures: number;
  /** Unix milliseconds. */
  readonly endsAt: number;
}

function current(window: Window | undefined, now: number): Window {
  return window && window.endsAt > now ? window : { failures: 0, endsAt: now + WINDOW_MS };
}

function forgetEnded(windows: Map<string, Window>, now: number): void {
  for (const [address, { endsAt }] of windows) if (endsAt <= now) windows.delete(address);
}

/** A header that a proxy passed on unchecked may hold anything: then it is the proxy that counts. */
function addressOf(request: Request): string {
  const { ip = '', socket } = request;
  const address = isIP(ip) === 0 ? (socket.remoteAddress ?? 'unknown') : ip;
  return networkOf(address);
}

/** A provider gives each customer at least a /64 of IPv6, and any address in it. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  // An IPv4 address, also where it is written as one of IPv6.
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  const network = [...parsed.parts.slice(0, 4), 0, 0, 0, 0];
  return `${new ipaddr.IPv6(network.flatMap((part) => [part >> 8, part & 0xff]))}/64`;
}

/** Behind a proxy that is not named, all callers have one address, and wait for each other. */
function adviceOn(request: Request): string | undefined {
  const isForwarded = request.headers['x-forwarded-for'] !== undefined;
  if (!isForwarded || request.app.get('trust proxy') !== false) return undefined;
  return 'set TRUST_PROXY if this is the address of a proxy';
}

/** The first refused login is a line of its own; those of the next minute, and each after, are one line. */
function createReport(log: Logger): { add(address: string): void } {
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const addresses = new Set<string>();

  const report = (): void => {
    timer = undefined;
    if (count === 0) return;
    log.warn({ refused: count, addresses: addresses.size }, 'board logins refused unchecked');
    count = 0;
    addresses.clear();
    wait();
  };
  const wait = (): void => {
    timer = setTimeout(report, REPORT_EVERY_MS).unref();
  };
  return {
    add(address) {
      count++;
      if (addresses.size < MOST_REPORTED_ADDRESSES) addresses.add(address);
      if (!timer) report();
    },
  };
}
