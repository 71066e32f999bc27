import { isLoopbackHost } from '../common/addresses.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { endpointName } from '../drivers/modbus/endpoint.ts';
import { AppError, SpecError } from '../errors.ts';
import type { CompiledSpec } from '../openspec/kind.ts';
import { SpecDocument } from '../openspec/spec-document.ts';
import { parseServer, openapiServerUrl } from '../openspec/openapi/servers.ts';
import { readDocument } from '../openspec/openmodbus/read-document.ts';
import { openrpcServerUrl } from '../openspec/openrpc/server.ts';
import { simulateModbus } from './modbus/modbus.ts';
import { simulateOpenapi } from './openapi/openapi.ts';
import { simulateOpenrpc } from './openrpc/openrpc.ts';
import type { Simulated } from './simulated.ts';

export interface SimulateOptions {
  /** Where it listens: 127.0.0.1 by default. */
  host?: string;
  /** By default that of the document where the document names this machine and it is free, else any. */
  port?: number;
  /** Lets what an OpenModbus document can only read wander inside its range. */
  drift?: boolean;
  /** The other files of a multi-file document by path, beside `source`. */
  files?: ReadonlyMap<string, JsonObject>;
  source?: string;
}

/** A document as a running device. */
export interface Simulation {
  kind: CompiledSpec['kind'];
  title: string;
  /** Where the document says that the device is; undefined where it does not. */
  described: string | undefined;
  /** What is not as the document says, in plain words. */
  note: string | undefined;
  device: Simulated;
}

type Place = { host: string; port: number };
type Start = (port: number) => Promise<Simulated>;

/** Serves a document of any kind as a device. Rejects with a SpecError for a document that cannot be used, and when the port is taken. */
export async function simulateDocument(
  document: JsonObject,
  options: SimulateOptions = {},
): Promise<Simulation> {
  const { host = '127.0.0.1', port, drift = false, files, source } = options;
  const found = {
    ...(files === undefined ? {} : { files }),
    ...(source === undefined ? {} : { source }),
  };
  const title = titleOf(document['info']);
  if ('openmodbus' in document) {
    const { server, title: named } = readDocument(document);
    const { endpoint } = server;
    const described = endpointName(endpoint);
    const facts = { kind: 'openmodbus' as const, title: named, described };
    if (endpoint.type === 'serial') {
      try {
        return { ...facts, note: undefined, device: await simulateModbus(document, { pty: true, drift }) };
      } catch (error) {
        if (!isMissing(error)) throw error;
        const note = `socat is not installed, so it is on Modbus TCP instead of ${endpoint.framing.toUpperCase()}: a document of type tcp reaches it`;
        return { ...facts, note, device: await simulateModbus(document, { host, port: port ?? 0, drift }) };
      }
    }
    const start: Start = (at) => simulateModbus(document, { host, port: at, drift });
    return { ...facts, note: undefined, device: await startNear(start, port, endpoint) };
  }
  if ('openrpc' in document) {
    const place = openrpcServerUrl([document['servers']], source);
    const described = 'url' in place ? place.url : undefined;
    const start: Start = (at) => simulateOpenrpc(document, { host, port: at, ...found });
    const device = await startNear(start, port, placeOf(described));
    return { kind: 'openrpc', title: title ?? 'OpenRPC', described, note: undefined, device };
  }
  if ('openapi' in document || 'swagger' in document) {
    const described = openapiPlace(document, source);
    const start: Start = (at) => simulateOpenapi(document, { host, port: at, ...found });
    const device = await startNear(start, port, placeOf(described));
    return { kind: 'openapi', title: title ?? 'OpenAPI', described, note: undefined, device };
  }
  throw new SpecError(
    'The document is of no known kind: its root has none of the keys "openapi", "swagger", "openrpc", "openmodbus".',
    [{ pointer: '', detail: 'says of no kind that it is one' }],
  );
}

/** On the port that was asked for; else on the document's own, where that is of this machine and free; else on any. */
async function startNear(
  start: Start,
  port: number | undefined,
  described: Place | undefined,
): Promise<Simulated> {
  if (port !== undefined) return start(port);
  if (described === undefined || !isLoopbackHost(described.host)) return start(0);
  return start(described.port).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    return start(0);
  });
}

function openapiPlace(document: JsonObject, source: string | undefined): string | undefined {
  try {
    const { origin, path } = parseServer(openapiServerUrl(new SpecDocument(document), {}, {}), source);
    return origin + path;
  } catch (error) {
    // Relative to nobody knows what: the document does not say where.
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}

function placeOf(url: string | undefined): Place | undefined {
  if (url === undefined) return undefined;
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}

function isMissing(error: unknown): boolean {
  return error instanceof AppError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

function titleOf(about: JsonValue | undefined): string | undefined {
  const title = isObject(about) ? about['title'] : undefined;
  return typeof title === 'string' && title !== '' ? title : undefined;
}
