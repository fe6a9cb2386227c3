import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { NotThere, type Storage } from './storage.ts';

export interface S3Settings {
  readonly bucket: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly pathStyle: boolean;
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly draftsFolder: string;
}

const silent = (): void => {};
const SILENT = { debug: silent, info: silent, warn: silent, error: silent };
const CONNECT_MS = 5_000;
/** So long may nothing move between us and the storage. */
const SILENCE_MS = 30_000;
/** What is asked for and brings no body is answered by then. */
const ANSWER_MS = 30_000;
/** Whoever reads slowly holds one for as long; the SDK's own 50 would let a few hold up everybody. */
const MOST_SOCKETS = 1_000;

/**
 * A bucket at S3, or at what speaks like it. The SDK is loaded with the first call: whoever keeps
 * results in a folder never loads it.
 */
export function createS3Storage(settings: S3Settings): Storage {
  const { bucket: Bucket, draftsFolder } = settings;
  let opened: ReturnType<typeof open> | undefined;
  const s3 = () => {
    opened ??= open(settings);
    return opened;
  };

  async function remove(place: string): Promise<void> {
    const { client, sdk } = await s3();
    const one = new sdk.DeleteObjectCommand({ Bucket, Key: place });
    await client.send(one, { abortSignal: AbortSignal.timeout(ANSWER_MS) });
  }

  return {
    draftsFolder,
    async store({ path, bytes, sha256, contentType }, place, signal) {
      const { client, sdk } = await s3();
      const Body = createReadStream(path);
      // The storage compares the hash with what arrived, where it knows how to.
      const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
      const about = { ContentLength: bytes, ContentType: contentType, ChecksumSHA256 };
      const put = new sdk.PutObjectCommand({ Bucket, Key: place, Body, ...about });
      try {
        await client.send(put, { abortSignal: signal });
      } finally {
        Body.destroy();
      }
    },
    async read(place, range, signal) {
      const { client, sdk } = await s3();
      const Range = range && `bytes=${range.start}-${range.end}`;
      const get = new sdk.GetObjectCommand({ Bucket, Key: place, Range });
      const { Body } = await client.send(get, { abortSignal: signal }).catch((error: unknown) => {
        throw error instanceof sdk.NoSuchKey ? new NotThere(place) : error;
      });
      if (Body instanceof Readable) return Body;
      throw new NotThere(place);
    },
    remove,
    async removeAll(prefix) {
      const { client, sdk } = await s3();
      const removed = new Set<string>();
      for (;;) {
        const list = new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix });
        const signal = AbortSignal.timeout(ANSWER_MS);
        const { Contents = [] } = await client.send(list, { abortSignal: signal });
        const names = Contents.flatMap(({ Key }) => Key ?? []);
        if (names.length === 0) return removed.size;
        for (const name of names) {
          if (removed.has(name)) throw new Error('the storage lists what it has removed');
          await remove(name);
          removed.add(name);
        }
      }
    },
    close: () => void opened?.then(({ client }) => client.destroy()).catch(() => {}),
  };
}

async function open(
  settings: S3Settings,
): Promise<{ client: S3Client; sdk: typeof import('@aws-sdk/client-s3') }> {
  const sdk = await import('@aws-sdk/client-s3');
  const { endpoint, region, accessKeyId, secretAccessKey } = settings;
  const client = new sdk.S3Client({
    forcePathStyle: settings.pathStyle,
    ...(endpoint && { endpoint }),
    // An endpoint of one's own knows no regions, and the SDK insists on one.
    ...((region || endpoint) && { region: region ?? 'us-east-1' }),
    ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } }),
    // A stream cannot be sent twice; the ledger tries again.
    maxAttempts: 1,
    // Others than Amazon's know no trailers. The hash that we have goes along all the same.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // What it would write to the console is in the error that we log.
    logger: SILENT,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: { maxSockets: MOST_SOCKETS, keepAlive: true },
      httpsAgent: { maxSockets: MOST_SOCKETS, keepAlive: true },
    },
  });
  return { client, sdk };
}
