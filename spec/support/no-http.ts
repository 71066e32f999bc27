import type { HttpDriver } from '../../lib/drivers/http.ts';

/** An HTTP driver for documents that are compiled and never called. */
export const noHttp: HttpDriver = {
  exchange: () => Promise.reject(new Error('not called')),
  follow: () => Promise.reject(new Error('not called')),
  send: () => Promise.reject(new Error('not called')),
  resultOf: () => ({}),
};
