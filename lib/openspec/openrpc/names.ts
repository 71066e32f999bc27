import type { KindNames } from '../kind.ts';

/** How OpenRPC documents are called and recognized. */
export const openrpcNames: KindNames = {
  name: 'openrpc',
  protocols: ['openrpc', 'jsonrpcHttp'],
  rootKeys: ['openrpc'],
  detect: (document) => document['openrpc'] !== undefined,
};
