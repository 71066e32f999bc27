import type { KindDefinition } from '../kind.ts';
import { openrpcNames } from './names.ts';
import { openrpc } from './openrpc.ts';

/** OpenRPC documents: devices on JSON-RPC 2.0 over HTTP. */
export const openrpcKind: KindDefinition = {
  ...openrpcNames,
  open: (drivers) => openrpc(drivers.get('jsonrpc')),
  async simulate(document, options) {
    const { simulateOpenrpcDocument } = await import('./simulator/simulate-document.ts');
    return simulateOpenrpcDocument(document, options);
  },
};
