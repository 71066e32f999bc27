import { expect } from 'chai';

/** An answer: its status, its JSON (or text), its headers. */
export interface Answer {
  status: number;
  // What came is looked at by the test.
  body: unknown;
  headers: Headers;
}

export interface RestOptions {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Calls of one server, as a client with JSON makes them. */
export interface Rest {
  call(method: string, path: string, options?: RestOptions): Promise<Answer>;
  /** The body of an answer of this status; fails on any other. */
  ok<T = Record<string, unknown>>(
    status: number,
    method: string,
    path: string,
    options?: RestOptions,
  ): Promise<T>;
}

export function openRest(url: string): Rest {
  async function call(method: string, path: string, options: RestOptions = {}): Promise<Answer> {
    const { token, body, headers = {} } = options;
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && !(body instanceof FormData) && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && {
        body: body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body),
      }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      body: isJson && text !== '' ? (JSON.parse(text) as unknown) : text,
      headers: response.headers,
    };
  }
  return {
    call,
    async ok<T>(status: number, method: string, path: string, options?: RestOptions) {
      const answer = await call(method, path, options);
      expect([answer.status, answer.body], `${method} ${path}`).to.deep.equal([status, answer.body]);
      return answer.body as T;
    },
  };
}
