import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Risk, ToolResult } from '../../core/message.ts';
import { failed, type CallContext, type Connection, type Effect, type Tool } from '../../core/tool.ts';
import type { JsonrpcDriver } from '../../drivers/jsonrpc.ts';
import { AppError } from '../../errors.ts';
import { credentialFault } from '../credential-origins.ts';
import { authorization } from '../authorization.ts';
import { withWideNumbers } from '../schema/wide-numbers.ts';
import type { WireNames } from '../schema/wire-names.ts';
import type { MethodParams } from './params.ts';
import { openrpcServerUrl, type ServerUrl } from './server.ts';

/** How params are sent: the form of the first request, and whether the other form is tried when the first is refused. */
interface ParamStructure {
  first: 'by-name' | 'by-position';
  triesOther: boolean;
}

/** One method of a document, ready to be called. */
interface CallableMethod {
  /** The method's name on the wire. */
  operation: string;
  effect: Effect;
  risk: Risk | undefined;
  params: MethodParams;
  /** The values of required arguments that a call leaves out, by name. */
  defaults: JsonObject;
  /** Gives the members inside the arguments their names on the wire. */
  names: WireNames;
  server: ServerUrl;
  /** The URL of the document's own server, and the place that the document came from: the credentials belong to their origin. */
  home: { server: ServerUrl; source: string | undefined };
  structure: ParamStructure;
  /** True for a method without a result: it is sent without an id. */
  notification: boolean;
}

/**
 * The codes by which a server that knows only one form of params refuses the other one. It has not executed the call: the
 * text is no JSON, the request is not valid, or its params are not [JSON-RPC 2.0 5.1].
 */
const FORM_REFUSED = new Set<JsonValue | undefined>([-32700, -32600, -32602]);

/** The tool of one method; `face` is the part that a model sees. */
export function createMethodTool(
  jsonrpc: JsonrpcDriver,
  method: CallableMethod,
  face: Pick<Tool, 'name' | 'description' | 'parameters' | 'answer'>,
): Tool {
  const { operation, effect, risk } = method;
  const complete = (args: JsonObject): JsonObject => ({
    ...method.defaults,
    ...withWideNumbers(args, face.parameters),
  });
  return {
    ...face,
    operation,
    effect,
    risk,
    complete,
    device(connection) {
      const place = serverFor(method.server, connection);
      return 'url' in place ? new URL(place.url).origin : undefined;
    },
    preview(given, connection) {
      const { structure, params, notification } = method;
      const target = targetOf(method.server, method.home, connection);
      if ('fault' in target) return { fault: target.fault };
      const args = method.names.restore(complete(given), face.parameters);
      const sent = structure.first === 'by-position' ? params.byPosition(args) : params.byName(args);
      return {
        method: 'POST',
        url: target.url,
        headers: target.headers,
        body: {
          jsonrpc: '2.0',
          method: operation,
          ...(sent !== undefined && { params: sent }),
          ...(!notification && { id: 1 }),
        },
      };
    },
    async call(given, context) {
      try {
        const args = method.names.restore(complete(given), face.parameters);
        return await callMethod(jsonrpc, method, args, context);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return failed('invalid_arguments', error.message, 'none');
      }
    },
  };
}

/** Calls the device within the call's time-out. Resolves in any case. */
async function callMethod(
  jsonrpc: JsonrpcDriver,
  { operation, effect, params, server, home, structure, notification }: CallableMethod,
  args: JsonObject,
  context: CallContext,
): Promise<ToolResult> {
  const target = targetOf(server, home, context.connection);
  if ('fault' in target) return failed(target.code ?? 'invalid_server', target.fault, 'none');
  const send = (form: ParamStructure['first'], timeoutMs: number): Promise<ToolResult> => {
    const given = form === 'by-position' ? params.byPosition(args) : params.byName(args);
    const sent = given === undefined ? {} : { params: given };
    const call = { ...target, method: operation, ...sent, notification, effect };
    return jsonrpc.call(call, { ...context, timeoutMs });
  };
  const deadline = performance.now() + context.timeoutMs;
  // Both tries share the time-out of the call.
  const first = await send(structure.first, context.timeoutMs);
  const hasOther = structure.triesOther && params.byName(args) !== undefined;
  const leftMs = deadline - performance.now();
  if (!hasOther || !isFormRefused(first) || leftMs <= 0 || context.signal.aborted) return first;
  // The device did not carry the first call out, so a write is still sent at most once.
  const second = await send(structure.first === 'by-name' ? 'by-position' : 'by-name', leftMs);
  return isFormRefused(second) ? withReason(second, structure.first, first) : second;
}

function isFormRefused({ error }: ToolResult): boolean {
  return isObject(error) && FORM_REFUSED.has(error['code']);
}

/** A refusal with the reason of the first one: the server may know the first form, and refuse the values in it. */
function withReason(second: ToolResult, form: string, first: ToolResult): ToolResult {
  const [latter, former] = [second['error'], first['error']];
  if (!isObject(latter) || !isObject(former) || latter['message'] === former['message']) return second;
  const message = `${messageIn(latter)} (params ${form}: ${messageIn(former)})`;
  return { ...second, error: { ...latter, message } };
}

/** The words of a refusal, also of a server that gives none. */
function messageIn({ message }: JsonObject): string {
  return typeof message === 'string' ? message : 'refused';
}

/** The session's own server, else the document's. */
function serverFor(server: ServerUrl, connection: Connection): ServerUrl {
  return connection.server === undefined
    ? server
    : openrpcServerUrl([[{ url: connection.server }]], undefined);
}

/** The URL and the headers for a session, or the fault that keeps it from calling. */
function targetOf(
  server: ServerUrl,
  home: CallableMethod['home'],
  connection: Connection,
): { url: string; headers: Record<string, string> } | { fault: string; code?: string } {
  const where = serverFor(server, connection);
  if ('fault' in where) return { fault: `${where.fault}; give a server with the document` };
  const header = authorization(connection);
  if ('fault' in header) return header;
  const rootServer = (): string | undefined => ('url' in home.server ? home.server.url : undefined);
  const foreign = header.value && credentialFault(connection, where.url, home.source, rootServer);
  if (foreign) return { fault: foreign, code: 'forbidden' };
  return { url: where.url, headers: header.value === undefined ? {} : { authorization: header.value } };
}

/**
 * The structure that the session's entry asks for, else the document's; by position before OpenRPC 1.2.1. The other form
 * is tried only where nobody demands one.
 */
export function structureOf(
  said: JsonValue | undefined,
  params: MethodParams,
  version: JsonValue | undefined,
): ParamStructure {
  if (said === 'by-position' || !params.named) return { first: 'by-position', triesOther: false };
  if (said === 'by-name') return { first: 'by-name', triesOther: false };
  const first = said === undefined && isBefore121(version) ? 'by-position' : 'by-name';
  return { first, triesOther: true };
}

/** OpenRPC 1.2.1 made `either` the default; before it, params went by position. */
function isBefore121(version: JsonValue | undefined): boolean {
  const parts = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(-)?/.exec(String(typeof version === 'object' ? '' : version));
  if (parts === null) return false;
  const [, major, minor = 0, patch = 0, pre] = parts;
  const number = Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch);
  return number < 1_002_001 || (number === 1_002_001 && pre !== undefined);
}
