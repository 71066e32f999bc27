import { createHttpDriver } from './drivers/http.ts';
import { createJsonrpcDriver } from './drivers/jsonrpc.ts';
import { openModbus } from './drivers/modbus/modbus.ts';
import type { Egress } from './drivers/egress.ts';
import { createDocumentFetch } from './openspec/fetch.ts';
import { openOpenspecs, type Openspecs } from './openspec/index.ts';
import { openapi } from './openspec/openapi/openapi.ts';
import { openmodbus } from './openspec/openmodbus/openmodbus.ts';
import { openrpc } from './openspec/openrpc/openrpc.ts';

export interface DevicesOptions {
  egress: Egress;
  /** A result's `body` is cut to this size. */
  resultMaxBytes: number;
  /** The largest document that is fetched from a URL. */
  documentMaxBytes: number;
  /** Whether a document may refer to files beside it: only where its own file was named by whoever runs this. */
  readFiles?: boolean;
  /** Whether documents are also held against the schemas of their family. */
  validate?: boolean;
}

/** Documents and the drivers that carry their calls. */
export interface Devices {
  openspecs: Openspecs;
  close(): Promise<void>;
}

/** Opens the drivers and the kinds of documents over them: a new kind is one line in this table. */
export function openDevices(options: DevicesOptions): Devices {
  const { egress, resultMaxBytes, documentMaxBytes, readFiles = false, validate = false } = options;
  const http = createHttpDriver({ egress, resultMaxBytes });
  const jsonrpc = createJsonrpcDriver({ http, resultMaxBytes });
  const modbus = openModbus({ egress });
  const openspecs = openOpenspecs({
    kinds: [openapi(http), openrpc(jsonrpc), openmodbus(modbus)],
    discover: createDocumentFetch({ http, jsonrpc, maxBytes: documentMaxBytes }),
    readFiles,
    validate,
  });
  return {
    openspecs,
    async close() {
      openspecs.close();
      await modbus.close();
    },
  };
}
