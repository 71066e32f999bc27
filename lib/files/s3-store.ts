import type { S3Client } from '@aws-sdk/client-s3';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { systemClock } from '../common/clock.ts';
import { AppError, messageOf } from '../errors.ts';
import { createMeasure } from './measure.ts';
import {
  checkObjectName,
  checkObjectSize,
  isName,
  type ObjectStore,
  type StoredObject,
  type StoredSize,
  type UrlGrant,
} from './object-store.ts';
import { isPictureKey, typeOfKey } from './picture-types.ts';

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

/** The SDK and a client of the bucket. */
interface Loaded {
  sdk: Sdk;
  client: S3Client;
}

const PACKAGES = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage', '@aws-sdk/s3-request-presigner'];
/** The folder of objects without a name. */
const UNNAMED = 'objects/';
const CONNECT_TIMEOUT_MS = 10_000;
/** How long the store may be silent. */
const SILENCE_TIMEOUT_MS = 30_000;
/** An object goes in parts of this size; S3 wants at least 5 MiB [S3 UploadPart]. */
const PART_BYTES = 8 * 1024 * 1024;

/**
 * Objects in an S3 bucket. The bucket is a part of the host name, or of the path when the endpoint is an address or this
 * machine. The SDK is loaded at the first use. Throws `invalid_request` when its packages are not installed.
 */
export function openS3Store(settings: S3Settings): ObjectStore {
  requirePackages();
  return new BucketStore(settings);
}

/** The packages of the SDK are optional: few servers keep their files in a bucket. */
function requirePackages(): void {
  try {
    for (const name of PACKAGES) import.meta.resolve(name);
  } catch (cause) {
    throw new AppError(
      'invalid_request',
      `S3_ENDPOINT is set, and the packages for buckets are missing: take the setting out, or run \`npm install ${PACKAGES.join(' ')}\`.`,
      { cause },
    );
  }
}

/** The bucket, and the SDK once it was loaded. */
class BucketStore implements ObjectStore {
  readonly #settings: S3Settings;
  readonly #endpoint: URL;
  #loading: Promise<Loaded> | undefined;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    this.#endpoint = new URL(settings.endpoint);
  }

  async write(source: Readable, maxBytes: number, name?: string): Promise<StoredObject> {
    if (name !== undefined) checkObjectName(name);
    const key = name ?? systemClock.newId().replaceAll('-', '');
    const measure = createMeasure(source as AsyncIterable<Buffer>, maxBytes);
    const Body = Readable.from(measure.bytes(), { objectMode: false });
    await this.#ask(async ({ client }) => {
      const { Upload } = await import('@aws-sdk/lib-storage');
      const params = { ...this.#place(key), Body, ContentType: typeOfKey(key) };
      try {
        await new Upload({ client, params, partSize: PART_BYTES, queueSize: 1 }).done();
      } finally {
        Body.destroy();
      }
    });
    return measure.result(key);
  }

  read(key: string): Promise<Readable> {
    return this.#ask(async ({ sdk, client }) => {
      try {
        const found = await client.send(new sdk.GetObjectCommand(this.#place(key)));
        return found.Body as Readable;
      } catch (cause) {
        if (!(cause instanceof sdk.NoSuchKey)) throw cause;
        throw new AppError('not_found', 'The content of the file is gone.', { cause });
      }
    });
  }

  async admit(key: string, maxBytes: number): Promise<StoredSize> {
    const bytes = await this.#ask(async ({ sdk, client }) => {
      try {
        return (await client.send(new sdk.HeadObjectCommand(this.#place(key)))).ContentLength ?? 0;
      } catch (cause) {
        if (!(cause instanceof sdk.NotFound)) throw cause;
        throw new AppError('not_found', 'The content of the file is gone.', { cause });
      }
    });
    if (bytes > maxBytes) await this.remove(key);
    checkObjectSize(bytes, maxBytes);
    return { bytes };
  }

  async remove(key: string): Promise<void> {
    await this.#ask(({ sdk, client }) => client.send(new sdk.DeleteObjectCommand(this.#place(key))));
  }

  async removeUnder(prefix: string): Promise<void> {
    for await (const { place } of this.#list(`${prefix}/`)) await this.remove(place);
  }

  async *list(before: number): AsyncIterable<string> {
    for await (const { place, time } of this.#list(UNNAMED))
      if (time < before) yield place.slice(UNNAMED.length);
  }

  async tidy(before: number): Promise<void> {
    const { bucket: Bucket } = this.#settings;
    const begun = await this.#ask(({ sdk, client }) =>
      client.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: UNNAMED })),
    );
    for (const { Key, UploadId, Initiated } of begun.Uploads ?? [])
      if ((Initiated?.getTime() ?? Infinity) < before)
        await this.#ask(({ sdk, client }) =>
          client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId })),
        );
  }

  async sign({ method, key, seconds: expiresIn, bytes: ContentLength }: UrlGrant): Promise<string> {
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    return this.#ask(({ sdk, client }) => {
      const place = this.#place(key);
      // A length that is given becomes a signed header: the bucket refuses any other body [SigV4 query parameters].
      if (method === 'PUT')
        return getSignedUrl(client, new sdk.PutObjectCommand({ ...place, ContentLength }), { expiresIn });
      // The type that an uploader has named counts for nothing: a browser would show an object of text/html as a page.
      const command = new sdk.GetObjectCommand({
        ...place,
        ResponseContentType: typeOfKey(key),
        ...(!isPictureKey(key) && { ResponseContentDisposition: 'attachment' }),
      });
      return getSignedUrl(client, command, { expiresIn });
    });
  }

  keyOf(url: string): string | undefined {
    const place = placeIn(url, this.#endpoint, this.#settings.bucket);
    return place?.startsWith(UNNAMED) ? place.slice(UNNAMED.length) : place;
  }

  close(): void {
    void this.#loading?.then(
      ({ client }) => client.destroy(),
      () => undefined, // a client that could not be loaded holds nothing
    );
  }

  /** Calls the bucket. Errors of the bucket become `unavailable`. */
  async #ask<T>(work: (loaded: Loaded) => Promise<T>): Promise<T> {
    const loaded = await (this.#loading ??= load(this.#settings, this.#endpoint));
    try {
      return await work(loaded);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('unavailable', 'The object store does not answer as it should; try again.', {
        cause: new Error(`S3: ${messageOf(error)}`, { cause: error }),
      });
    }
  }

  /** All objects of the bucket whose places begin with a prefix. */
  async *#list(Prefix: string): AsyncGenerator<{ place: string; time: number }> {
    const { bucket: Bucket } = this.#settings;
    let from: string | undefined;
    do {
      const asked = { Bucket, Prefix, ContinuationToken: from };
      const page = await this.#ask(({ sdk, client }) => client.send(new sdk.ListObjectsV2Command(asked)));
      for (const { Key, LastModified } of page.Contents ?? [])
        if (Key !== undefined) yield { place: Key, time: LastModified?.getTime() ?? Infinity };
      from = page.NextContinuationToken;
    } while (from !== undefined);
  }

  /** The bucket and the place of a key, as the SDK wants them. */
  #place(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#settings.bucket, Key: placeOf(key) };
  }
}

/** The place of a key in the bucket. Throws `invalid_request` for a bad name. */
function placeOf(key: string): string {
  if (!isName(key)) return `${UNNAMED}${key}`;
  checkObjectName(key);
  return key;
}

/** The place in the bucket that a URL leads to, signed or not; undefined for any other text. */
function placeIn(url: string, endpoint: URL, bucket: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { host, pathname } = new URL(url);
  if (host === `${bucket}.${endpoint.host}`) return pathname.slice(1);
  return host === endpoint.host && pathname.startsWith(`/${bucket}/`)
    ? pathname.slice(bucket.length + 2)
    : undefined;
}

/** Loads the SDK and makes a client. */
async function load({ region, accessKeyId, secretAccessKey }: S3Settings, endpoint: URL): Promise<Loaded> {
  const sdk = await import('@aws-sdk/client-s3');
  const name = endpoint.hostname.replaceAll(/^\[|\]$/g, '');
  const client = new sdk.S3Client({
    endpoint: endpoint.origin,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: isIP(name) !== 0 || name === 'localhost',
    // Without this a signed PUT URL has the checksum of an empty body, and no upload has that.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: SILENCE_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
  return { sdk, client };
}
