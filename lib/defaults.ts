import type { DriverTable } from './drivers/drivers.ts';
import { createHttpDriver } from './drivers/http.ts';
import { createJsonrpcDriver } from './drivers/jsonrpc.ts';
import { openMcp } from './drivers/mcp/mcp.ts';
import { openModbus } from './drivers/modbus/modbus.ts';
import type { KindDefinition } from './openspec/kind.ts';
import { mcpKind } from './openspec/mcp/kind.ts';
import { openapiKind } from './openspec/openapi/kind.ts';
import { openmodbusKind } from './openspec/openmodbus/kind.ts';
import { openrpcKind } from './openspec/openrpc/kind.ts';
import { packageVersion } from './package.ts';

/** The kinds of documents that the server knows: a new kind is one line here. */
export const defaultKinds: readonly KindDefinition[] = [openapiKind, openrpcKind, openmodbusKind, mcpKind];

/** The drivers that the kinds ask for by name: a new driver is one line here. */
export const defaultDrivers = {
  http: ({ egress, resultMaxBytes }) => createHttpDriver({ egress, resultMaxBytes }),
  jsonrpc: ({ drivers, resultMaxBytes }) =>
    createJsonrpcDriver({ http: drivers.get('http'), resultMaxBytes }),
  mcp: ({ egress, drivers, resultMaxBytes }) =>
    openMcp({
      http: drivers.get('http'),
      egress,
      resultMaxBytes,
      client: { name: 'lite-agent', title: 'LiteAgent Server', version: packageVersion() },
    }),
  modbus: ({ egress }) => openModbus({ egress }),
} satisfies DriverTable;
