import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { createPauses } from '../../common/pauses.ts';
import { stringifyInSlices } from '../../common/write-json-slices.ts';
import type { Risk } from '../../core/message.ts';
import type { Tool } from '../../core/tool.ts';
import type { McpDriver } from '../../drivers/mcp/mcp.ts';
import { AppError, messageOf, SpecError } from '../../errors.ts';
import { blotOwnSecrets, secretsOf } from '../../secrets.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind } from '../kind.ts';
import { toolNameOf, uniqueNames } from '../names.ts';
import { isSelected } from '../operation-filter.ts';
import { flagAt, objectAt, own, saidAt, textAt } from '../read.ts';
import { shorten } from '../shorten.ts';
import { mcpPlaceOf } from './place.ts';
import { mcpNames } from './names.ts';
import { createMcpTool } from './tool.ts';

/** Model APIs accept no longer description of a tool. */
const DESCRIPTION_MAX_LENGTH = 1024;
/** A tool with a longer name on the wire is skipped. */
const NAME_MAX_LENGTH = 256;
/** A longer schema is not read: no model would be shown a tenth of it. */
const SCHEMA_MAX_CHARS = 256 * 1024;
/** A server says its tools within this time. */
const DESCRIBE_TIMEOUT_MS = 30_000;

/** MCP servers [MCP 2025-11-25]: one tool for each tool of the server. */
export function mcpKindOver(mcp: McpDriver): OpenspecKind {
  return {
    ...mcpNames,
    async describe(connection, signal = new AbortController().signal) {
      const place = mcpPlaceOf(connection);
      if ('fault' in place) throw unusable('', `${place.fault}.`);
      try {
        return await mcp.describe(place, { signal, timeoutMs: DESCRIBE_TIMEOUT_MS });
      } catch (error) {
        // A stop of the caller says nothing about the document.
        if (!(error instanceof AppError) || error.code === 'stopped') throw error;
        const words = blotOwnSecrets(error.message, secretsOf(connection));
        throw unusable('', `The MCP server does not say its tools: ${words}`);
      }
    },
    compile: (document, options) => compile(document, options, mcp),
  };
}

/** Makes a tool of each entry of the list. An entry that cannot be called is skipped with the reason, and fails no other. */
async function compile(
  { mcp: version, info, tools: listed = [] }: JsonObject,
  options: CompileOptions,
  mcp: McpDriver,
): Promise<CompiledSpec> {
  if (typeof version !== 'string') throw unusable('/mcp', 'has to be the version of the protocol, as a text');
  if (!Array.isArray(listed)) throw unusable('/tools', 'has to be a list');
  const tools: Tool[] = [];
  const skipped: CompiledSpec['skipped'] = [];
  const warnings: string[] = [];
  const names = { taken: new Set<string>(), unique: uniqueNames() };
  const pause = createPauses();
  for (const [index, item] of listed.entries()) {
    await pause();
    const operation = operationOf(item) ?? `tools/${index}`;
    try {
      const face = await faceOf(item, names, options);
      tools.push(createMcpTool(mcp, face, warnings));
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      skipped.push({ operation, reason: messageOf(error) });
    }
  }
  const operations = tools.length + skipped.length;
  if (operations === 0) warnings.push('The server has no tools.');
  const known = isObject(info) ? info : {};
  const title = shorten(saidAt(known, 'title') ?? saidAt(known, 'name') ?? 'MCP server', 200);
  return { kind: mcpNames.name, title, operations, tools, skipped, warnings: [...new Set(warnings)] };
}

/** A tool of the server as its list says it, checked and named. */
export interface McpFace {
  /** The name for models. */
  name: string;
  /** The name on the wire. */
  operation: string;
  description: string;
  /** As the server wrote it; so is the schema of the answer. */
  inputSchema: JsonObject;
  outputSchema: JsonObject | undefined;
  /** By the server's `readOnlyHint` alone. Any other tool counts as a write. */
  isRead: boolean;
  /** `high` for a write with `destructiveHint`. */
  risk: Risk | undefined;
}

/** Reads a tool. Throws a SpecError for one that cannot be called, and for one that the session does not want. */
async function faceOf(
  item: JsonValue | undefined,
  names: { taken: Set<string>; unique: (name: string) => string },
  options: CompileOptions,
): Promise<McpFace> {
  if (!isObject(item)) throw new SpecError('it is no object');
  const operation = textAt(item, 'name');
  if (operation === undefined) throw new SpecError('it has no name');
  if (operation.length > NAME_MAX_LENGTH)
    throw new SpecError(`its name has ${operation.length} characters, and ${NAME_MAX_LENGTH} are taken`);
  if (names.taken.has(operation)) throw new SpecError('an earlier tool has the same name');
  names.taken.add(operation);
  const name = names.unique(toolNameOf(operation)); // before it is left out: a selection does not change names
  if (!isSelected({ tags: [], method: operation, path: operation }, options))
    throw new SpecError('left out by include or exclude');
  if (textAt(objectAt(item, 'execution'), 'taskSupport') === 'required')
    throw new SpecError('it runs as a task of the server only, which this client does not speak');
  const annotations = objectAt(item, 'annotations');
  const isRead = flagAt(annotations, 'readOnlyHint') === true;
  return {
    name,
    operation,
    description: descriptionOf(item, operation),
    inputSchema: await readSchema(item, 'inputSchema'),
    outputSchema: item['outputSchema'] === undefined ? undefined : await readSchema(item, 'outputSchema'),
    isRead,
    risk: !isRead && flagAt(annotations, 'destructiveHint') === true ? 'high' : undefined,
  };
}

/** A schema of a tool; an empty one where the tool has none. Throws a SpecError for one that is too long. */
async function readSchema(item: JsonObject, key: 'inputSchema' | 'outputSchema'): Promise<JsonObject> {
  const schema = own(item, key) ?? {};
  if (!isObject(schema)) throw new SpecError(`its ${key} is no object`);
  const { length } = await stringifyInSlices(schema);
  if (length > SCHEMA_MAX_CHARS)
    throw new SpecError(`its ${key} has ${length} characters, and ${SCHEMA_MAX_CHARS} are read`);
  return schema;
}

/** The words of a tool, cut to the length that model APIs accept. */
function descriptionOf(item: JsonObject, operation: string): string {
  const title = saidAt(item, 'title') ?? saidAt(objectAt(item, 'annotations'), 'title');
  return shorten(saidAt(item, 'description') ?? title ?? operation, DESCRIPTION_MAX_LENGTH);
}

/** The name under which an entry is skipped; undefined for an entry without one. */
function operationOf(item: JsonValue | undefined): string | undefined {
  const name = isObject(item) ? textAt(item, 'name') : undefined;
  return name === undefined ? undefined : shorten(name, NAME_MAX_LENGTH);
}

function unusable(pointer: string, detail: string): SpecError {
  return new SpecError(pointer === '' ? detail : `${pointer} ${detail}.`, [{ pointer, detail }]);
}
