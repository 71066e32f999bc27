import { isLoopbackHost } from '../common/addresses.ts';
import type { JsonObject } from '../common/json.ts';
import type { Simulated } from './simulated.ts';

/** How a document is served as a device. */
export interface SimulateOptions {
  /** The address on which it listens: 127.0.0.1 by default. */
  host?: string;
  /** By default the document's own port where the document names this machine and the port is free, else any free one. */
  port?: number;
  /** Lets the values that an OpenModbus document can only read wander inside their range. */
  drift?: boolean;
  /** The other files of a multi-file document by path, beside `source`. */
  files?: ReadonlyMap<string, JsonObject>;
  /** The path or URL of the document. */
  source?: string;
}

/** A document as a running device. */
export interface Simulation {
  /** The name of the document's kind. */
  kind: string;
  title: string;
  /** The address of the device in the document; undefined when the document does not say it. */
  described: string | undefined;
  /** A difference between the device and its document, in plain words. */
  note: string | undefined;
  device: Simulated;
}

/** A host and a port. */
interface HostPort {
  host: string;
  port: number;
}

/**
 * Starts a device on the port that was asked for; else on the document's own port, where that is on this machine and free;
 * else on any free port.
 */
export async function startNear(
  start: (port: number) => Promise<Simulated>,
  port: number | undefined,
  described: HostPort | undefined,
): Promise<Simulated> {
  if (port !== undefined) return start(port);
  if (described === undefined || !isLoopbackHost(described.host)) return start(0);
  return start(described.port).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    return start(0);
  });
}

/** The host and port of an http(s) URL. */
export function hostPortOf(url: string): HostPort {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}
