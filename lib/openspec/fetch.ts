import type { Connection } from '../core/tool.ts';
import type { HttpDriver, HttpRequest } from '../drivers/http.ts';
import { bodyTextOf } from '../drivers/http-body.ts';
import type { JsonrpcDriver } from '../drivers/jsonrpc.ts';
import { AppError, SpecError } from '../errors.ts';
import { isObject } from '../common/json.ts';
import { credentialFault } from './credential-origins.ts';
import { authorization } from './authorization.ts';

/** How documents are fetched. */
export interface FetchOptions {
  http: HttpDriver;
  jsonrpc: JsonrpcDriver;
  /** The keys of documents: a text without any of them is no document. */
  rootKeys: readonly string[];
  /** A longer document is refused; 64 MiB by default. */
  maxBytes?: number;
  /** For each request; 30 s by default. */
  timeoutMs?: number;
}

/** Gets the text of the document behind a URL. Rejects with a SpecError that holds the URL's answer. */
export type FetchDocument = (
  url: string,
  connection: Connection,
  signal: AbortSignal | undefined,
) => Promise<string>;

/** A chain of more redirects is taken for a loop. */
const REDIRECTS_MAX_COUNT = 5;

/** The outcome of a GET. `silent`: no answer came at all. */
type Served = { text: string } | { fault: string; silent?: boolean };

/**
 * Makes the fetch for documents behind URLs: the text that the URL serves, else the document of a JSON-RPC endpoint there
 * (`rpc.discover` [OpenRPC, Service Discovery Method]). A key goes to the URL's
 * own origin only, and not even there when the entry's `server` is elsewhere.
 */
export function createDocumentFetch(options: FetchOptions): FetchDocument {
  const { http, jsonrpc, rootKeys, maxBytes = 64 * 1024 * 1024, timeoutMs = 30_000 } = options;

  async function serve(first: URL, key: string | undefined, signal: AbortSignal): Promise<Served> {
    let url = first;
    for (let hops = 0; hops <= REDIRECTS_MAX_COUNT; hops++) {
      const request: HttpRequest = {
        method: 'GET',
        origin: url.origin,
        path: url.pathname + url.search,
        headers: {
          accept: 'application/json, application/yaml;q=0.9, */*;q=0.5',
          // A redirect to another origin gets no key.
          ...(key !== undefined && url.origin === first.origin ? { authorization: key } : {}),
        },
        effect: 'read',
      };
      const {
        statusCode = 0,
        headers,
        size,
        bytes,
        error,
        ...rest
      } = await http.exchange(request, { signal, timeoutMs }, maxBytes);
      if (error !== undefined) return { fault: error.message, silent: true };
      const { location } = headers;
      if (
        statusCode >= 300 &&
        statusCode < 400 &&
        location !== undefined &&
        URL.canParse(location, url.href)
      ) {
        url = new URL(location, url);
        if (url.protocol !== 'http:' && url.protocol !== 'https:')
          return { fault: `it leads to ${url.href}` };
      } else if (statusCode < 200 || statusCode > 299) {
        return { fault: `it answers HTTP ${statusCode}` };
      } else if (size.atLeast || size.bytes > bytes.length) {
        return { fault: `it serves more than ${maxBytes} bytes` };
      } else {
        return { text: bodyTextOf({ ...rest, statusCode, headers, size, bytes }, maxBytes) };
      }
    }
    return { fault: `it redirects more than ${REDIRECTS_MAX_COUNT} times` };
  }

  return async (address, connection, signal = new AbortController().signal) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.username !== '' || url.password !== '') {
      throw new SpecError(
        `The document's URL cannot be used${url === undefined ? '' : ': it holds user info'}.`,
      );
    }
    const header = authorization(connection);
    const isForeign = credentialFault(connection, url.origin, url.href, () => undefined) !== undefined;
    const key = 'fault' in header || isForeign ? undefined : header.value;
    const served = await serve(url, key, signal);
    if ('text' in served && isDocument(served.text, rootKeys)) return served.text;
    if (signal.aborted) throw new AppError('stopped', 'Stopped while the document was fetched.');
    const place = `No document behind ${url.origin}${url.pathname}`;
    // Where nobody answered, `rpc.discover` would only wait a second time.
    if ('silent' in served) throw new SpecError(`${place}: ${served.fault}.`);
    const headers: Record<string, string> = key === undefined ? {} : { authorization: key };
    const call = { url: url.href, headers, method: 'rpc.discover', effect: 'read' as const };
    const answer = await jsonrpc.ask(call, { signal, timeoutMs }, maxBytes);
    if ('result' in answer) return JSON.stringify(answer.result);
    const { error } = answer.failure;
    const why = isObject(error) && typeof error['message'] === 'string' ? error['message'] : 'no answer';
    const got = 'text' in served ? 'it serves no document' : served.fault;
    throw new SpecError(
      `No document behind ${url.origin}${url.pathname}: ${got}, and rpc.discover failed: ${why}.`,
    );
  };
}

/** Whether a text may be a document. A web page is none, and neither is an error in JSON. */
function isDocument(text: string, rootKeys: readonly string[]): boolean {
  return new RegExp(`["'\\s{]?(?:${rootKeys.join('|')})["']?\\s*:`).test(text) && !/^\s*</.test(text);
}
