import type { JsonObject, JsonValue } from '../common/json.ts';
import { AppError, messageOf } from '../errors.ts';

/** A running server, and the token for it. */
export interface RunningServer {
  /** Base of the HTTP calls: `http://127.0.0.1:9527/api`, or without `/api`. */
  url: string;
  token?: string | undefined;
}

/** Problem details [RFC 9457]. Another server may leave all of them out. */
interface Problem {
  title?: string;
  detail?: string;
  errors?: { pointer: string; detail: string }[];
}

const TIMEOUT_MS = 60_000;

/** The base of the HTTP calls of an address, with `/api` at its end. */
export function apiUrl(address: string): string {
  const url = address.replace(/\/+$/, '');
  return url.endsWith('/api') ? url : `${url}/api`;
}

/** One HTTP call. Resolves with the JSON of the answer. Rejects with `unavailable` that names every fault of a refusal. */
export async function callServer(
  { url, token }: RunningServer,
  method: string,
  path: string,
  body?: JsonObject,
  timeoutMs = TIMEOUT_MS,
): Promise<JsonValue> {
  const base = apiUrl(url);
  const response = await send(base, { method, path, token, body, timeoutMs });
  const answer = await response.text();
  if (!response.ok)
    throw new AppError('unavailable', `${base}${path}: ${problemOf(response.status, answer)}`);
  return answer === '' ? null : (JSON.parse(answer) as JsonValue);
}

/** The response, whatever its status. Rejects with `unavailable` when there is none. */
async function send(
  base: string,
  request: {
    method: string;
    path: string;
    token: string | undefined;
    body: JsonObject | undefined;
    timeoutMs: number;
  },
): Promise<Response> {
  const { method, path, token, body, timeoutMs } = request;
  try {
    return await fetch(base + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw unreachable(base, error);
  }
}

/** The error for a server that cannot be reached. */
export function unreachable(url: string, error: unknown): AppError {
  // `fetch failed` does not help; the cause says what failed.
  const cause = error instanceof TypeError && error.cause !== undefined ? error.cause : error;
  return new AppError('unavailable', `${url} cannot be reached: ${messageOf(cause)}`, { cause: error });
}

/** The reason of a refused call, in words. */
export function problemOf(status: number, text: string): string {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error; // the answer of another program
  }
  const faults = (problem.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`);
  return (problem.detail ?? problem.title ?? `HTTP ${status}`) + faults.join('');
}
