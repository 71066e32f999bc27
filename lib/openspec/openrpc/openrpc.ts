import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import { failed, type CallContext, type Connection, type Effect, type Tool } from '../../core/tool.ts';
import type { JsonrpcDriver } from '../../drivers/jsonrpc.ts';
import { messageOf, SpecError } from '../../errors.ts';
import { readFilesBeside } from '../files.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind } from '../kind.ts';
import { toolNameOf, uniqueNames } from '../names.ts';
import { openSchemas, type ResolveRef, type Schemas } from '../schema.ts';
import { shorten } from '../schema-walk.ts';
import { isSelected } from '../operation-filter.ts';
import { authorization } from './credentials.ts';
import { follow, paramsOf, type Params } from './params.ts';
import { openRefs } from './refs.ts';
import { openrpcServerUrl, type ServerUrl } from './server.ts';

/** How params are sent; `retry`: by name, and once more by position when the device says that they do not fit. */
type Structure = 'by-name' | 'by-position' | 'retry';

/** OpenRPC documents: each method becomes a tool, called by JSON-RPC 2.0 over HTTP [OpenRPC 1.0 to 1.4]. */
export function openrpc(jsonrpc: JsonrpcDriver): OpenspecKind {
  return {
    name: 'openrpc',
    detect: (document) => document['openrpc'] !== undefined,
    async compile(document, options) {
      const { files, warnings } = await readFilesBeside(document, options.source);
      const resolve = openRefs(document, files, options.source);
      const schemas = openSchemas(resolve);
      const compiler: Compiler = {
        document,
        options,
        resolve,
        schemas,
        warnings,
        uniqueName: uniqueNames(),
        jsonrpc,
      };
      const tools: Tool[] = [];
      const skipped: CompiledSpec['skipped'] = [];
      for (const [index, item] of methodEntriesOf(document).entries()) {
        const where = `methods/${index}`;
        const named = isObject(item) && typeof item['name'] === 'string' ? item['name'] : where;
        try {
          const { value: method, base } = follow(item, '', resolve, where);
          if (!isChosen(method, base, compiler)) throw new SpecError('left out by include or exclude');
          tools.push(compileMethod(method, base, where, compiler));
        } catch (error) {
          if (!(error instanceof SpecError)) throw error;
          skipped.push({ operation: named, reason: messageOf(error) });
        }
      }
      const operations = tools.length + skipped.length;
      if (operations === 0) warnings.push('The document has no methods, so there are no tools.');
      const { title } = isObject(document['info']) ? document['info'] : {};
      return {
        kind: 'openrpc',
        title: typeof title === 'string' && title !== '' ? title : 'OpenRPC',
        operations,
        tools,
        skipped,
        warnings: [...new Set([...warnings, ...schemas.warnings])],
      };
    },
  };
}

/** The entries of `methods`; throws a SpecError where that is no list. */
export function methodEntriesOf({ methods }: JsonObject): JsonValue[] {
  if (methods === undefined || methods === null) return [];
  if (Array.isArray(methods)) return methods;
  throw new SpecError('"methods" is not a list.', [{ pointer: '/methods', detail: 'has to be a list' }]);
}

interface Compiler {
  document: JsonObject;
  options: CompileOptions;
  resolve: ResolveRef;
  schemas: Schemas;
  warnings: string[];
  uniqueName: (name: string) => string;
  jsonrpc: JsonrpcDriver;
}

function compileMethod(method: JsonObject, base: string, where: string, compiler: Compiler): Tool {
  const { document, options, resolve, schemas, warnings } = compiler;
  const operation = method['name'];
  if (typeof operation !== 'string' || operation === '') throw new SpecError(`${where} has no name`);
  const params = paramsOf(method['params'], base, resolve, (value) => schemas.restore(value));
  const { schema: parameters, trimmed } = schemas.parameters(params.arguments);
  if (trimmed !== undefined) warnings.push(`${operation}: ${TRIMMED[trimmed]} to keep its schema short.`);
  const server = openrpcServerUrl([method['servers'], document['servers']], options.source);
  if ('fault' in server) warnings.push(`${server.fault}: calls need a server given with the document.`);
  const effect = effectOf(method);
  return {
    name: compiler.uniqueName(toolNameOf(operation)),
    description: descriptionOf(method),
    parameters,
    operation,
    effect,
    call: callOf(compiler.jsonrpc, {
      operation,
      effect,
      params,
      server,
      structure: structureOf(method, params, compiler),
      notification: method['result'] === undefined,
    }),
  };
}

const TRIMMED = {
  descriptions: 'descriptions are shortened',
  depth: 'what lies deep is left open',
  opaque: 'only the names of the arguments are given',
} as const;

interface Method {
  operation: string;
  effect: Effect;
  params: Params;
  server: ServerUrl;
  structure: Structure;
  notification: boolean;
}

function callOf(jsonrpc: JsonrpcDriver, method: Method): Tool['call'] {
  const { operation, effect, params, server, structure, notification } = method;
  return async (args: JsonObject, context: CallContext): Promise<ToolResult> => {
    const target = targetOf(server, context.connection);
    if ('fault' in target) return failed('invalid_server', target.fault, 'none');
    const send = (byPosition: boolean, timeoutMs: number): Promise<ToolResult> => {
      const given = byPosition ? params.byPosition(args) : params.byName(args);
      const sent = given === undefined ? {} : { params: given };
      const call = { ...target, method: operation, ...sent, notification, effect };
      return jsonrpc.call(call, { signal: context.signal, timeoutMs });
    };
    const deadline = performance.now() + context.timeoutMs;
    const first = await send(structure === 'by-position', context.timeoutMs);
    if (structure !== 'retry' || params.arguments.length === 0 || !isInvalidParams(first)) return first;
    // Refused before it was executed, so this is no second time [JSON-RPC 2.0 5.1].
    const left = deadline - performance.now();
    return left <= 0 || context.signal.aborted ? first : send(true, left);
  };
}

function isInvalidParams({ error }: ToolResult): boolean {
  return isObject(error) && error['code'] === -32602;
}

function targetOf(
  server: ServerUrl,
  connection: Connection,
): { url: string; headers: Record<string, string> } | { fault: string } {
  const where =
    connection.server === undefined ? server : openrpcServerUrl([[{ url: connection.server }]], undefined);
  if ('fault' in where) return { fault: `${where.fault}; give a server with the document` };
  const header = authorization(connection);
  if ('fault' in header) return header;
  return { url: where.url, headers: header.value === undefined ? {} : { authorization: header.value } };
}

/** As the entry says, else the document; where neither says, by position before OpenRPC 1.2.1. */
function structureOf(method: JsonObject, params: Params, { document, options }: Compiler): Structure {
  const said = options.paramStructure ?? method['paramStructure'];
  if (said === 'by-position' || !params.named) return 'by-position';
  if (said === 'by-name') return 'by-name';
  return said === undefined && isBefore121(document['openrpc']) ? 'by-position' : 'retry';
}

function isBefore121(version: JsonValue | undefined): boolean {
  const parts = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(-)?/.exec(String(typeof version === 'object' ? '' : version));
  if (parts === null) return false;
  const [, major, minor = 0, patch = 0, pre] = parts;
  const number = Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch);
  return number < 1_002_001 || (number === 1_002_001 && pre !== undefined);
}

/** A method may change the world unless its document says otherwise: a name promises nothing. */
function effectOf(method: JsonObject): Effect {
  return method['x-lite-agent-effect'] === 'read' ? 'read' : 'write';
}

function descriptionOf({ name, summary, description, deprecated }: JsonObject): string {
  const texts = [summary, description].filter(
    (text): text is string => typeof text === 'string' && text.trim() !== '',
  );
  const text = [...new Set(texts.map((one) => one.trim()))].join('\n');
  const note = deprecated === true ? 'Deprecated. ' : '';
  return shorten(note + (text === '' && typeof name === 'string' ? name : text), 1024);
}

function isChosen(method: JsonObject, base: string, { options, resolve }: Compiler): boolean {
  if (options.include === undefined && options.exclude === undefined) return true;
  const name = typeof method['name'] === 'string' ? method['name'] : '';
  const tags: string[] = [];
  for (const tag of Array.isArray(method['tags']) ? method['tags'] : []) {
    const target = isObject(tag) && typeof tag['$ref'] === 'string' ? resolve(tag['$ref'], base)?.value : tag;
    const text = isObject(target) ? target['name'] : target;
    if (typeof text === 'string') tags.push(text);
  }
  return isSelected({ tags, method: name, path: name }, options);
}
