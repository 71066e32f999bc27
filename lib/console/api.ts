import { signal } from '@preact/signals';
import type { ShownFault } from './server-words.ts';

/** A refusal of the server [RFC 9457], or its silence (status 0). */
export class CallError extends Error {
  /** The HTTP status; 0: there was no answer. */
  readonly status: number;
  /** Each fault with its place in the request or the document. */
  readonly faults: readonly ShownFault[];

  constructor(status: number, message: string, faults: CallError['faults'] = []) {
    super(message);
    this.status = status;
    this.faults = faults;
  }
}

/** Any error as a CallError: a fault that the page itself has found counts as one of the request. */
export function callErrorOf(error: unknown): CallError {
  if (error instanceof CallError) return error;
  return new CallError(400, error instanceof Error ? error.message : String(error));
}

/** The proof of the caller, for calls and sockets; undefined where none is needed. */
export const bearer = signal<string | undefined>(undefined);

/** How a token that is no longer good is replaced: the sign-in sets it. Resolves with false when it cannot be. */
export const renewal: { renew: () => Promise<boolean> } = { renew: () => Promise.resolve(false) };

/** Calls the API and resolves with its JSON value. Rejects with a CallError. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await request(method, path, body);
  // Once: a new token that is refused, too, is a refusal.
  if (answer.status === 401 && (await renewal.renew())) return readAnswer(await request(method, path, body));
  return readAnswer(answer);
}

/** The response, whatever its status. Rejects with a CallError of status 0 where there is none. */
async function request(method: string, path: string, body: unknown): Promise<Response> {
  const headers = new Headers();
  if (bearer.value !== undefined) headers.set('authorization', `Bearer ${bearer.value}`);
  if (body !== undefined) headers.set('content-type', 'application/json');
  try {
    const json = body === undefined ? null : JSON.stringify(body);
    return await fetch(path, { method, headers, body: json, signal: AbortSignal.timeout(120_000) });
  } catch (error) {
    throw new CallError(0, error instanceof Error ? error.message : String(error));
  }
}

/** The members in which the dialects of the server say what is wrong. */
interface Problem {
  detail?: string;
  title?: string;
  message?: string;
  errors?: ShownFault[];
  error?: { message?: string };
}

/** The value of an answer; undefined where it has no body or is no JSON. Throws a CallError for a refusal. */
async function readAnswer<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  const value: unknown = text === '' ? undefined : parse(text);
  if (answer.ok) return value as T;
  const problem = (value ?? {}) as Problem;
  const message = problem.detail ?? problem.error?.message ?? problem.message ?? problem.title;
  throw new CallError(
    answer.status,
    message ?? `${answer.status} ${answer.statusText}`,
    problem.errors ?? [],
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy answered with a page of its own
  }
}
