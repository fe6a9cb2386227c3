import { described, flag, optionalText, webUrl, wholeNumber } from './variables.ts';

const DAY_MS = 24 * 3_600_000;

/** The variables of the vault, which keeps results. Without a folder and a bucket it is off. */
export const vaultVariables = {
  VAULT_DIR: described(optionalText, {
    about:
      'Folder in which results are kept. All processes must share it; it may be `FILES_DIR`. ' +
      'With `VAULT_S3_BUCKET`, only for files on their way there. Neither: results are not kept.',
    example: '.catwalk/results',
  }),
  VAULT_S3_BUCKET: described(optionalText, {
    about: 'Bucket in which results are kept instead, at S3 or what speaks like it.',
    example: 'my-results',
  }),
  VAULT_S3_ENDPOINT: described(webUrl, {
    about: 'Address of the S3-compatible storage. Unset: Amazon’s own.',
    example: 'https://s3.example.com',
  }),
  VAULT_S3_REGION: described(optionalText, {
    about: 'Region of the bucket. Unset: `AWS_REGION`, or what the AWS configuration says.',
    example: 'eu-central-1',
  }),
  VAULT_S3_PATH_STYLE: described(flag(false), {
    about: 'Name the bucket in the path and not in the host, as MinIO and others want it.',
  }),
  VAULT_S3_ACCESS_KEY_ID: described(optionalText, {
    about: 'Access key of the bucket. Unset: the credentials that the AWS SDK finds by itself.',
  }),
  VAULT_S3_SECRET_ACCESS_KEY: described(optionalText, {
    about: 'The secret to that access key.',
    secret: true,
  }),
  VAULT_RETENTION_MS: described(wholeNumber(30 * DAY_MS, { min: 60_000, max: 3_650 * DAY_MS }), {
    about: 'How long results are kept, from the end of their generation.',
  }),
  VAULT_MAX_BYTES: described(wholeNumber(512 * 1024 ** 2, { min: 1_024, max: 5 * 1024 ** 3 }), {
    about: 'Largest result that is kept.',
  }),
  VAULT_TIMEOUT_MS: described(wholeNumber(120_000, { min: 500, max: 3_600_000 }), {
    about: 'Longest that loading one result, and then storing it, may take; each.',
  }),
  VAULT_CONCURRENCY: described(wholeNumber(8, { min: 1, max: 200 }), {
    about: 'Results that one worker process copies at the same time.',
  }),
} as const;
