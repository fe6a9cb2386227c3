import { createdAtOf } from '../generation/ids.ts';
import type { ResultId } from '../generation/kept-result.ts';
import { derivedKeys, type OwnSecrets } from '../outbound/derived-keys.ts';
import { resultToken, verifyResultToken } from '../outbound/signature.ts';

/** Our own links to results: each the same for as long as the secret that made it is live. */
export interface ResultLinks {
  linkTo(result: ResultId): string;
  isAuthentic(link: { id: string; index: number; token: string }): boolean;
}

/** @param publicUrl unset: links are paths. */
export function createResultLinks(secrets: OwnSecrets, publicUrl: string | undefined): ResultLinks {
  const base = publicUrl?.replace(/\/+$/, '') ?? '';
  const keys = derivedKeys('result', secrets);
  return {
    linkTo: ({ id, index }) => {
      const token = resultToken(keys.makerAt(createdAtOf(id)) ?? '', id, index);
      return `${base}/v1/results/${id}/${index}?token=${token}`;
    },
    isAuthentic: ({ id, index, token }) =>
      verifyResultToken(keys.live, { generationId: id, index, token }),
  };
}
