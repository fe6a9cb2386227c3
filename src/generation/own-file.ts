/** The files that we keep for providers which send results as bytes, and the links to them. */

/** What we call them. Nothing else in their folder is ours to serve or to remove. */
export const OWN_FILE_NAME = /^[0-9a-f]{40}\.(png|jpg|gif|webp|avif|heic|mp4|json)$/;

/** Where the web process is reached, without a slash at the end. */
export function ownAddress(settings: { PUBLIC_URL?: string | undefined; PORT: number }): string {
  return (settings.PUBLIC_URL ?? `http://127.0.0.1:${settings.PORT}`).replace(/\/+$/, '');
}

/** The file's name, if a link leads to one of ours. */
export function ownFileIn(url: string, address: string): string | undefined {
  const start = `${address}/files/`;
  const name = url.startsWith(start) ? url.slice(start.length) : '';
  return OWN_FILE_NAME.test(name) ? name : undefined;
}
