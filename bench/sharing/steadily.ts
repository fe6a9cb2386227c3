/** Requests of one tenant, one every so many milliseconds. */
export function steadily(tenant: string, about: string, count: number, everyMs: number) {
  return Array.from({ length: count }, (_, n) => ({
    tenant,
    name: `${tenant}-${about}-${n}`,
    atMs: n * everyMs,
  }));
}
