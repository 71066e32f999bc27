import type { Request, Response } from 'express';
import type { Log } from '../log.ts';
import type { ObservedRequest } from './traffic.ts';

/** Probes ask these again and again, so their log lines are for debugging only. */
const PROBES = new Set(['/healthz', '/readyz', '/metrics']);

/** The facts about a request that its later steps need. */
export interface Trail {
  log: Log;
  path: string;
  search: URLSearchParams;
  /** The client's IP address. */
  address: string;
  /** How the client names this server. */
  origin: string;
  /** The fields of the request's log line. */
  line: Record<string, unknown>;
  isPolled?: boolean;
}

/** Tells the log and the observer of a request once its response is closed, whether or not it was complete. */
export function noteWhenClosed(
  request: Request,
  response: Response<unknown, Trail>,
  observed: ObservedRequest,
): void {
  const began = performance.now();
  response.once('close', () => {
    const { line, path, log, isPolled } = response.locals;
    line.path = path;
    line.status = response.statusCode;
    line.response_time_ms = Math.round((performance.now() - began) * 10) / 10;
    if (!response.writableFinished) line.aborted = true;
    const route = (request.route as { path: string } | undefined)?.path;
    const status = response.writableFinished ? response.statusCode : 'aborted';
    observed.answered({ method: request.method, route, status });
    const isQuiet = PROBES.has(path) || (isPolled && response.statusCode < 400);
    log[isQuiet ? 'debug' : 'info'](line, `${request.method} ${path}`);
  });
}
