import type { JsonObject } from '../../../common/json.ts';
import { AppError } from '../../../errors.ts';
import { openSite } from '../../../simulate/http-site.ts';
import type { Simulated } from '../../../simulate/simulated.ts';
import { SpecDocument } from '../../spec-document.ts';
import { checkUsable } from '../operations.ts';
import { openapiServerUrl, parseServer } from '../servers.ts';
import { OpenapiDevice } from './openapi-device.ts';

/** Where a simulated HTTP device listens, and the other files of its document. */
export interface SimulateHttpOptions {
  /** 127.0.0.1 by default. */
  host?: string;
  /** Any free port by default. */
  port?: number;
  /** The other files of a multi-file document by path, beside `source`. */
  files?: ReadonlyMap<string, JsonObject>;
  source?: string;
}

/** The HTTP status codes that a fault may have. */
const EXCEPTION_CODES = [400, 599] as const;

/**
 * Serves an OpenAPI document as a device on HTTP. It answers from examples, defaults and schemas, the same every time. It
 * keeps the changes of POST, PUT, PATCH and DELETE, and refuses a request that does not fit, with the reason. It asks for
 * no credentials. Rejects with a SpecError for a document that cannot be used, and when the port is taken.
 */
export async function simulateOpenapi(
  root: JsonObject,
  { host, port, files, source }: SimulateHttpOptions = {},
): Promise<Simulated> {
  checkUsable(root);
  const document = new SpecDocument(root, files, source);
  const base = basePathOf(document, source);
  const device = new OpenapiDevice(document, base);
  const site = await openSite({
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    answer: (request) => device.answer(request),
    refuse: (code) => device.refuse(code, 'The simulated device was told to fail.', []),
  });
  return {
    server: site.url + base,
    exceptionCodes: EXCEPTION_CODES,
    usedAt: () => site.usedAt(),
    state: () => device.state(),
    value: (name) => device.value(name),
    set: (name, value) => device.set(name, value),
    fault: (next) => site.fault(next),
    close: () => site.close(),
  };
}

/** The path below which all paths of the document stand. */
function basePathOf(document: SpecDocument, source: string | undefined): string {
  try {
    return parseServer(openapiServerUrl(document, {}, {}), source).path;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // The server is relative to an unknown place. Its path is known all the same.
    const url = openapiServerUrl(document, {}, {}).replaceAll(/[{}]/g, '');
    return new URL(url, 'http://device/').pathname.replace(/\/+$/, '');
  }
}
