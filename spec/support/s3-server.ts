// A fake: an S3 bucket on loopback, addressed by path, that keeps objects in memory and every request for a look at it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface SeenRequest {
  method: string;
  /** With scheme, host and query. */
  url: string;
  headers: Record<string, string>;
}

export interface S3Server {
  readonly endpoint: string;
  readonly objects: Map<string, { body: Buffer; type: string; modified: Date }>;
  readonly uploads: Map<string, { key: string; parts: Map<number, Buffer>; begun: Date }>;
  readonly requests: SeenRequest[];
  /** Answers 503 to everything. */
  down: boolean;
  close(): Promise<void>;
}

export async function startS3Server(bucket: string): Promise<S3Server> {
  const objects: S3Server['objects'] = new Map();
  const uploads: S3Server['uploads'] = new Map();
  const requests: SeenRequest[] = [];
  const state = { down: false };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const method = request.method ?? '';
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    requests.push({ method, url: url.href, headers });
    const query = url.searchParams;
    const xml = (status: number, text = '', more: Record<string, string> = {}) =>
      void response
        .writeHead(status, { 'content-type': 'application/xml', ...more })
        .end(status === 204 ? undefined : text);
    if (state.down) return xml(503, '<Error><Code>SlowDown</Code><Message>no</Message></Error>');
    const path = decodeURIComponent(url.pathname);
    if (path !== `/${bucket}` && !path.startsWith(`/${bucket}/`))
      return xml(404, '<Error><Code>NoSuchBucket</Code></Error>');
    const key = path.slice(bucket.length + 2);
    const uploadId = query.get('uploadId') ?? '';
    if (method === 'POST' && query.has('uploads')) {
      const id = `upload-${uploads.size + 1}`;
      uploads.set(id, { key, parts: new Map(), begun: new Date() });
      return xml(
        200,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    if (method === 'PUT' && uploadId !== '') {
      uploads.get(uploadId)?.parts.set(Number(query.get('partNumber')), body);
      return xml(200, '', { etag: `"part-${query.get('partNumber')}"` });
    }
    if (method === 'POST' && uploadId !== '') {
      const parts = [...(uploads.get(uploadId)?.parts ?? [])].toSorted(([a], [b]) => a - b);
      const whole = Buffer.concat(parts.map(([, part]) => part));
      objects.set(key, { body: whole, type: '', modified: new Date() });
      uploads.delete(uploadId);
      return xml(200, '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>');
    }
    if (method === 'DELETE' && uploadId !== '') {
      uploads.delete(uploadId);
      return xml(204);
    }
    if (method === 'GET' && query.has('uploads')) {
      const begun = [...uploads].map(
        ([id, { key: Key, begun: at }]) =>
          `<Upload><Key>${Key}</Key><UploadId>${id}</UploadId><Initiated>${at.toISOString()}</Initiated></Upload>`,
      );
      return xml(200, `<ListMultipartUploadsResult>${begun.join('')}</ListMultipartUploadsResult>`);
    }
    if (method === 'GET' && query.get('list-type') === '2') return xml(200, listOf(query));
    if (method === 'PUT') {
      objects.set(key, { body, type: headers['content-type'] ?? '', modified: new Date() });
      return xml(200, '', { etag: '"x"' });
    }
    const found = objects.get(key);
    if (method === 'DELETE') {
      objects.delete(key);
      return xml(204);
    }
    if (!found) return xml(404, '<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>');
    const disposition = query.get('response-content-disposition');
    response
      .writeHead(200, {
        'content-type': query.get('response-content-type') ?? found.type,
        'content-length': found.body.length,
        ...(disposition !== null && { 'content-disposition': disposition }),
      })
      .end(found.body);
  }

  /** Two keys a page. */
  function listOf(query: URLSearchParams): string {
    const keys = [...objects.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '')).toSorted();
    const after = query.get('continuation-token') ?? '';
    const rest = keys.filter((key) => key > after);
    const page = rest.slice(0, 2);
    const contents = page.map(
      (key) =>
        `<Contents><Key>${key}</Key><LastModified>${objects.get(key)!.modified.toISOString()}</LastModified></Contents>`,
    );
    const next =
      rest.length > page.length ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    return `<ListBucketResult>${contents.join('')}${next}</ListBucketResult>`;
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    uploads,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
