import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, type ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../lib/common/json.ts';

/** A host on the official SDK. */
export interface McpHost {
  client: Client;
  /** The forms that it was asked to show. */
  forms: JsonObject[];
  /** The id of the connection. */
  readonly id: string | undefined;
  /** Calls a tool; resolves with the object in its text block, and whether it is an error. */
  call(name: string, args?: JsonObject): Promise<{ result: JsonObject; isError: boolean }>;
  close(): Promise<void>;
}

/** Connects a host; with `decide` it shows forms, and answers them so. */
export async function openMcpHost(
  url: string,
  {
    token,
    decide,
  }: { token?: string; decide?: (form: JsonObject) => ElicitResult | Promise<ElicitResult> } = {},
): Promise<McpHost> {
  const client = new Client(
    { name: 'spec', version: '1' },
    { capabilities: decide ? { elicitation: {} } : {} },
  );
  const forms: JsonObject[] = [];
  if (decide)
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      forms.push(params as unknown as JsonObject);
      return decide(params as unknown as JsonObject);
    });
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  return {
    client,
    forms,
    get id() {
      return transport.sessionId;
    },
    async call(name, args = {}) {
      const { content, isError = false } = await client.callTool({ name, arguments: args });
      const [block] = content as { type: string; text: string }[];
      return { result: JSON.parse(block!.text) as JsonObject, isError: isError === true };
    },
    async close() {
      await transport.terminateSession();
      await client.close();
    },
  };
}
