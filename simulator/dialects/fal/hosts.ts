import type { Router } from 'express';
import type { Provider } from '../../contract/provider.ts';
import type { Reply } from '../../contract/reply.ts';

// Facts: fal, "Proxy setup" and "Server-side integration" ("The proxy formula"), read 2026-11-21.

/** fal's hosts, and the path under which each is here. */
const PATH_OF_HOST: ReadonlyMap<string, string> = new Map([
  ['queue.fal.run', ''],
  ['fal.run', '/run'],
  ['rest.fal.ai', '/rest'],
  ['rest.alpha.fal.ai', '/rest'],
]);

const METHODS = new Set(['GET', 'POST', 'PUT']);

/**
 * One address for all of fal's hosts, which the official SDK calls when it is given as `proxyUrl`;
 * the header says what it wanted to call. The key is the caller's own, where a real proxy adds one.
 */
export function mountProxy(router: Router, provider: Provider): void {
  const refuse = (status: number, detail: string) => {
    const reply: Reply = { status, body: { detail } };
    return provider.answer(() => reply);
  };
  const notAllowed = refuse(405, 'A proxy takes GET, POST and PUT.');
  const noTarget = refuse(400, 'The header x-fal-target-url is missing.');
  const unknownHost = refuse(412, 'x-fal-target-url names no host of fal that the simulator has.');
  router.all('/proxy', (request, response, next) => {
    const target = request.get('x-fal-target-url');
    if (!METHODS.has(request.method)) return notAllowed(request, response, next);
    if (target === undefined) return noTarget(request, response, next);
    const url = URL.canParse(target) ? new URL(target) : undefined;
    const place = url && PATH_OF_HOST.get(url.host);
    if (!url || place === undefined) return unknownHost(request, response, next);
    request.url = `${place}${url.pathname}${url.search}`;
    return next();
  });
}
