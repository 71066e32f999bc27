import type { S3Client } from '@aws-sdk/client-s3';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { systemClock } from '../common/clock.ts';
import { AppError, messageOf } from '../errors.ts';
import { createMeasure } from './measure.ts';
import { checkObjectName, isName, type ObjectStore } from './object-store.ts';
import { typeOfKey } from './picture-types.ts';

/** A bucket. Tencent COS speaks S3 too: its endpoint is `https://cos.<region>.myqcloud.com`. */
interface S3Settings {
  /** Without a path, e.g. `https://s3.eu-central-1.amazonaws.com`. */
  endpoint: string;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
}

type Sdk = typeof import('@aws-sdk/client-s3');
type Ask = <T>(work: (sdk: Sdk, client: S3Client) => Promise<T>) => Promise<T>;

/** Where objects without a name lie. */
const UNNAMED = 'objects/';
/** How long the store may be silent. */
const SILENCE_TIMEOUT_MS = 30_000;
const PART_BYTES = 8 * 1024 * 1024;

/**
 * Objects in an S3 bucket, addressed by its host name; by its path where the endpoint is an address or this machine. The SDK
 * is loaded with the first use.
 */
export function openS3Store(settings: S3Settings): ObjectStore {
  const { bucket: Bucket } = settings;
  const endpoint = new URL(settings.endpoint);
  let loading: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  const ask: Ask = async (work) => {
    const { sdk, client } = await (loading ??= load(settings, endpoint));
    try {
      return await work(sdk, client);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('unavailable', 'The object store does not do what it is asked.', {
        cause: new Error(`S3: ${messageOf(error)}`, { cause: error }),
      });
    }
  };

  const remove = async (key: string): Promise<void> => {
    await ask((sdk, client) => client.send(new sdk.DeleteObjectCommand({ Bucket, Key: placeOf(key) })));
  };

  async function* listed(Prefix: string): AsyncGenerator<{ place: string; time: number }> {
    let from: string | undefined;
    do {
      const asked = { Bucket, Prefix, ContinuationToken: from };
      const page = await ask((sdk, client) => client.send(new sdk.ListObjectsV2Command(asked)));
      for (const { Key, LastModified } of page.Contents ?? [])
        if (Key !== undefined) yield { place: Key, time: LastModified?.getTime() ?? Infinity };
      from = page.NextContinuationToken;
    } while (from !== undefined);
  }

  return {
    async write(source, maxBytes, name) {
      if (name !== undefined) checkObjectName(name);
      const key = name ?? systemClock.newId().replaceAll('-', '');
      const measure = createMeasure(source, maxBytes);
      const Body = Readable.from(measure.bytes(), { objectMode: false });
      await ask(async (_, client) => {
        const { Upload } = await import('@aws-sdk/lib-storage');
        const params = { Bucket, Key: placeOf(key), Body, ContentType: typeOfKey(key) };
        try {
          await new Upload({ client, params, partSize: PART_BYTES, queueSize: 1 }).done();
        } finally {
          Body.destroy();
        }
      });
      return measure.result(key);
    },

    read: (key) =>
      ask(async (sdk, client) => {
        try {
          const found = await client.send(new sdk.GetObjectCommand({ Bucket, Key: placeOf(key) }));
          return found.Body as Readable;
        } catch (cause) {
          if (!(cause instanceof sdk.NoSuchKey)) throw cause;
          throw new AppError('not_found', 'The content of the file is gone.', { cause });
        }
      }),

    remove,

    async removeUnder(prefix) {
      for await (const { place } of listed(`${prefix}/`)) await remove(place);
    },

    async *list(before) {
      for await (const { place, time } of listed(UNNAMED))
        if (time < before) yield place.slice(UNNAMED.length);
    },

    async tidy(before) {
      const asked = { Bucket, Prefix: UNNAMED };
      const begun = await ask((sdk, client) => client.send(new sdk.ListMultipartUploadsCommand(asked)));
      for (const { Key, UploadId, Initiated } of begun.Uploads ?? [])
        if ((Initiated?.getTime() ?? Infinity) < before)
          await ask((sdk, client) =>
            client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId })),
          );
    },

    async sign({ method, key, seconds: expiresIn }) {
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
      return ask((sdk, client) => {
        const place = { Bucket, Key: placeOf(key) };
        const command = method === 'PUT' ? new sdk.PutObjectCommand(place) : new sdk.GetObjectCommand(place);
        return getSignedUrl(client, command, { expiresIn });
      });
    },

    keyOf(url) {
      const place = placeIn(url, endpoint, Bucket);
      return place?.startsWith(UNNAMED) ? place.slice(UNNAMED.length) : place;
    },

    close() {
      void loading?.then(
        ({ client }) => client.destroy(),
        () => undefined, // what could not be loaded holds nothing
      );
    },
  };
}

/** Throws for a key that is none. */
function placeOf(key: string): string {
  if (!isName(key)) return `${UNNAMED}${key}`;
  checkObjectName(key);
  return key;
}

/** What a signed URL of the bucket leads to. */
function placeIn(url: string, endpoint: URL, bucket: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { host, pathname, searchParams } = new URL(url);
  if (!searchParams.has('X-Amz-Signature')) return undefined;
  if (host === `${bucket}.${endpoint.host}`) return pathname.slice(1);
  return host === endpoint.host && pathname.startsWith(`/${bucket}/`)
    ? pathname.slice(bucket.length + 2)
    : undefined;
}

async function load(
  { region, accessKeyId, secretAccessKey }: S3Settings,
  endpoint: URL,
): Promise<{ sdk: Sdk; client: S3Client }> {
  const sdk = await import('@aws-sdk/client-s3');
  const name = endpoint.hostname.replaceAll(/^\[|\]$/g, '');
  const client = new sdk.S3Client({
    endpoint: endpoint.origin,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: isIP(name) !== 0 || name === 'localhost',
    // Else a signed PUT url carries the checksum of an empty body, which no upload has.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: 10_000,
      requestTimeout: SILENCE_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
  return { sdk, client };
}
