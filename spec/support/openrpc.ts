import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import type { ToolResult } from '../../lib/core/message.ts';
import type { Connection, Tool } from '../../lib/core/tool.ts';
import { openEgress } from '../../lib/drivers/egress.ts';
import { createHttpDriver } from '../../lib/drivers/http.ts';
import { createJsonrpcDriver } from '../../lib/drivers/jsonrpc.ts';
import type { CompiledSpec, CompileOptions } from '../../lib/openspec/kind.ts';
import { openrpc } from '../../lib/openspec/openrpc/openrpc.ts';
import { openHttpDevice, type HttpDevice } from './http-device.ts';
import { modelFaults } from './model-schema.ts';

/** What a method gives back, when a spec does not care. */
export const result = { name: 'r', schema: {} };

/** An OpenRPC document of one method. */
export function documentOf(method: JsonObject, more: JsonObject = {}): JsonObject {
  const methods = [{ name: 'm', params: [], result, ...method }];
  return { openrpc: '1.3.2', info: { title: 'T', version: '1' }, methods, ...more };
}

/** The real kind over the real driver, and a simulated JSON-RPC device on loopback. */
export interface OpenrpcBench {
  readonly device: HttpDevice;
  compile(document: JsonObject, options?: CompileOptions): Promise<CompiledSpec>;
  /** The one tool of a document; fails when there is another number, or a model API would refuse it. */
  only(document: JsonObject, options?: CompileOptions): Promise<Tool>;
  /** Calls the device, or where `connection` says. */
  call(tool: Tool, args?: JsonObject, connection?: Connection): Promise<ToolResult>;
  /** What the device got: the method, or method and params. */
  sent(): unknown[];
  close(): Promise<void>;
}

export async function openOpenrpcBench(): Promise<OpenrpcBench> {
  const egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
  const http = createHttpDriver({ egress, resultMaxBytes: 1024 });
  const kind = openrpc(createJsonrpcDriver({ http, resultMaxBytes: 1024 }));
  const device = await openHttpDevice();
  device.answer = (response, { body }) => {
    const { id } = JSON.parse(body.toString()) as JsonObject;
    response.end(JSON.stringify({ jsonrpc: '2.0', id: id ?? null, result: true }));
  };
  return {
    device,
    compile: (document, options = {}) => kind.compile(document, options),
    async only(document, options = {}) {
      const { tools, skipped, operations } = await kind.compile(document, options);
      expect([skipped, operations]).to.deep.equal([[], 1]);
      const [tool] = tools;
      if (tool === undefined) throw new Error('no tool');
      expect(modelFaults(tool.parameters)).to.deep.equal([]);
      return tool;
    },
    call: (tool, args = {}, connection = { server: device.url }) =>
      tool.call(args, { connection, signal: new AbortController().signal, timeoutMs: 5000 }),
    sent: () =>
      device.seen.map(({ body }) => {
        const { method, params } = JSON.parse(body.toString()) as JsonObject;
        return params === undefined ? method : [method, params];
      }),
    async close() {
      await egress.close();
      await device.close();
    },
  };
}
