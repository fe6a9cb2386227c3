import type { ResultId } from '../generation/kept-result.ts';
import { resultToken, verifyResultToken } from '../outbound/signature.ts';

/** Our own links to results: the same for as long as the secret that signs them is live. */
export interface ResultLinks {
  linkTo(result: ResultId): string;
  isAuthentic(link: { id: string; index: number; token: string }): boolean;
}

/** @param publicUrl unset: links are paths. */
export function createResultLinks(
  secrets: readonly string[],
  publicUrl: string | undefined,
): ResultLinks {
  const base = publicUrl?.replace(/\/+$/, '') ?? '';
  return {
    linkTo: ({ id, index }) =>
      `${base}/v1/results/${id}/${index}?token=${resultToken(secrets[0] ?? '', id, index)}`,
    isAuthentic: ({ id, index, token }) =>
      verifyResultToken(secrets, { generationId: id, index, token }),
  };
}
