import type { JsonObject } from '../../lib/common/json.ts';
import type { ToolResult } from '../../lib/core/message.ts';
import type { Connection, Tool } from '../../lib/core/tool.ts';
import { openEgress } from '../../lib/drivers/egress.ts';
import { createHttpDriver } from '../../lib/drivers/http.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind } from '../../lib/openspec/kind.ts';
import { openapi } from '../../lib/openspec/openapi/openapi.ts';
import { openHttpDevice, type HttpDevice, type SeenRequest } from './http-device.ts';

/** The OpenAPI kind and a simulated device that its calls reach. */
export interface OpenapiBench {
  readonly kind: OpenspecKind;
  readonly device: HttpDevice;
  compile(document: JsonObject, options?: CompileOptions): Promise<CompiledSpec>;
  /** The only tool of a document. */
  toolOf(document: JsonObject): Promise<Tool>;
  /** Calls the only tool of a document whose server is the device. */
  call(document: JsonObject, args: JsonObject, connection?: Connection): Promise<Called>;
  close(): Promise<void>;
}

export interface Called {
  result: ToolResult;
  /** The requests that the device got for this call. */
  seen: SeenRequest[];
}

export async function openOpenapiBench(): Promise<OpenapiBench> {
  const egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
  const kind = openapi(createHttpDriver({ egress, resultMaxBytes: 64 * 1024 }));
  const device = await openHttpDevice();
  const bench: OpenapiBench = {
    kind,
    device,
    compile: (document, options = {}) => kind.compile(document, options),
    async toolOf(document) {
      const spec = await bench.compile(document);
      const [tool] = spec.tools;
      if (tool === undefined || spec.tools.length > 1)
        throw new Error(`${spec.tools.length} tools: ${JSON.stringify(spec.skipped)}`);
      return tool;
    },
    async call(document, args, connection = { server: device.url }) {
      const tool = await bench.toolOf(document);
      const before = device.seen.length;
      const result = await tool.call(args, {
        connection,
        signal: new AbortController().signal,
        timeoutMs: 5000,
      });
      return { result, seen: device.seen.slice(before) };
    },
    async close() {
      await egress.close();
      await device.close();
    },
  };
  return bench;
}

/** A document with one operation. */
export function oneOperation(
  path: string,
  method: string,
  operation: JsonObject,
  more: JsonObject = {},
): JsonObject {
  return {
    openapi: '3.1.0',
    info: { title: 'One', version: '1' },
    paths: { [path]: { [method]: operation } },
    ...more,
  };
}
