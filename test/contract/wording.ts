import { createHmac } from 'node:crypto';
import type { Answers, Documented, Meaning, WebhookFixture, WireAnswer } from './fixture.ts';
import { alive } from './meaning.ts';

/** Short ways to write what most fixtures say. */

/** The words of a live task. The app sees them in lower case. */
export const liveWords = (
  words: readonly string[],
  answers: (word: string) => Answers,
): Documented[] =>
  words.map((word) => ({ name: word, answers: answers(word), means: alive(word.toLowerCase()) }));

/** One refusal, of a submission, a check or a step before them. */
export const refusalOf = (
  answer: WireAnswer,
  means: Meaning,
  name = String(answer.status),
): Documented => ({ name, answers: { submit: answer, check: answer, prepare: answer }, means });

/** Signs the whole body under one header: hex HMAC-SHA256, the secret as it is written. */
export const hexSignature = (
  signatureHeader: string,
  secrets: Readonly<Record<'first' | 'second' | 'stranger', string>>,
) =>
  ({
    signatureHeader,
    sign: (body, signer) => ({
      [signatureHeader]: createHmac('sha256', secrets[signer]).update(body).digest('hex'),
    }),
  }) satisfies Partial<WebhookFixture>;
