import type { DriverTable } from './drivers/drivers.ts';
import { createHttpDriver } from './drivers/http.ts';
import { createJsonrpcDriver } from './drivers/jsonrpc.ts';
import { openModbus } from './drivers/modbus/modbus.ts';
import type { KindDefinition } from './openspec/kind.ts';
import { openapiKind } from './openspec/openapi/kind.ts';
import { openmodbusKind } from './openspec/openmodbus/kind.ts';
import { openrpcKind } from './openspec/openrpc/kind.ts';

/** The kinds of documents that the server knows: a new kind is one line here. */
export const defaultKinds: readonly KindDefinition[] = [openapiKind, openrpcKind, openmodbusKind];

/** The drivers that the kinds ask for by name: a new driver is one line here. */
export const defaultDrivers = {
  http: ({ egress, resultMaxBytes }) => createHttpDriver({ egress, resultMaxBytes }),
  jsonrpc: ({ drivers, resultMaxBytes }) =>
    createJsonrpcDriver({ http: drivers.get('http'), resultMaxBytes }),
  modbus: ({ egress }) => openModbus({ egress }),
} satisfies DriverTable;
