import type { JsonObject } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import { failed, type CallContext, type Connection, type Tool } from '../../core/tool.ts';
import type { McpCall, McpDriver } from '../../drivers/mcp/mcp.ts';
import { AppError } from '../../errors.ts';
import { answerSchema } from '../schema/answer-schema.ts';
import { ArgumentSchemas, type ToolParameters } from '../schema/argument-schemas.ts';
import { jsonSchemaDialect } from '../schema/json-schema-dialect.ts';
import { withWideNumbers } from '../schema/wide-numbers.ts';
import { SpecDocument } from '../spec-document.ts';
import { readMcpArguments, toWire } from './arguments.ts';
import type { McpFace } from './mcp.ts';
import { deviceOf, mcpPlaceOf } from './place.ts';

/** What a schema lost that was too large for a model, for the warnings. */
const TRIMMED = {
  descriptions: 'descriptions are shortened',
  depth: 'deep members are left open',
  opaque: 'only the names of the arguments are given',
} as const;

/** The tool of one tool of a server. Adds the odd things about its schema to `warnings`. */
export function createMcpTool(mcp: McpDriver, face: McpFace, warnings: string[]): Tool {
  const { name, operation, description, isRead, risk } = face;
  const schema = new SpecDocument(face.inputSchema);
  const args = readMcpArguments(schema);
  const schemas = new ArgumentSchemas(schema, jsonSchemaDialect);
  const { schema: written, defaults, names, trimmed } = schemas.parameters(args.arguments);
  warnings.push(...[...schemas.warnings].map((text) => `${operation}: ${text}`));
  if (trimmed !== undefined) warnings.push(`${operation}: ${TRIMMED[trimmed]} to keep its schema short.`);
  // The server names no argument and allows any.
  const parameters: ToolParameters['schema'] = args.isOpen
    ? { type: 'object', properties: {}, additionalProperties: true }
    : written;
  const effect = isRead ? 'read' : 'write';
  // Rules and people see the arguments with the defaults that the call sends.
  const complete = (given: JsonObject): JsonObject => ({
    ...defaults,
    ...withWideNumbers(given, parameters),
  });
  const callOf = (given: JsonObject): McpCall => ({
    tool: operation,
    arguments: toWire(names.restore(complete(given), parameters), args.wireNames),
    effect,
  });
  const { outputSchema } = face;
  const answer =
    outputSchema &&
    answerSchema(new SpecDocument(outputSchema), outputSchema, outputSchema, jsonSchemaDialect);
  return {
    name,
    description,
    parameters,
    answer,
    operation,
    effect,
    risk,
    complete,
    device: deviceOf,
    preview: (given, connection) => previewOf(callOf(given), connection),
    async call(given, context) {
      try {
        return await callServer(mcp, callOf(given), context);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // The request could not be made of the arguments: nothing was sent.
        return failed('invalid_arguments', error.message, 'none');
      }
    },
  };
}

/** Calls the server of the session. An address that cannot be used is a result with `effect: "none"`. */
async function callServer(mcp: McpDriver, call: McpCall, context: CallContext): Promise<ToolResult> {
  const place = mcpPlaceOf(context.connection);
  if ('fault' in place) return failed('invalid_server', place.fault, 'none');
  return mcp.call(place, call, context);
}

/** What a call sends, for people. */
function previewOf({ tool, arguments: args }: McpCall, connection: Connection): JsonObject {
  const place = mcpPlaceOf(connection);
  if ('fault' in place) return { fault: place.fault };
  // The request of the call itself; the handshake of the protocol is not shown.
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } };
  return 'url' in place
    ? { method: 'POST', url: place.url, headers: place.headers, body }
    : { command: [...place.command], body };
}
