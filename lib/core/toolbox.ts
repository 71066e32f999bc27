import type { ValidateFunction } from 'ajv';
import { isObject } from '../common/json.ts';
import type { JsonObject } from '../common/json.ts';
import type { ToolCall, ToolResult } from './message.ts';
import type { ModelMessage, ToolOffer } from './model.ts';
import { clip } from './clip.ts';
import { failed } from './tool.ts';
import type { CallContext, Connection, JsonSchema, Tool } from './tool.ts';

/** The tools of one document and what this session gave for it. */
export interface ToolSource {
  tools: readonly Tool[];
  connection: Connection;
}

/** A call that fits its tool's schema and may be sent. */
export interface CheckedCall {
  tool: Tool;
  arguments: JsonObject;
  connection: Connection;
}

/** Chooses among tools when there are too many for a model. */
export interface ToolChooser {
  /** The same array for the same choice; `keep` are names that must be among them. */
  choose(
    sentence: string,
    keep: readonly string[],
  ): Promise<{ offers: readonly ToolOffer[]; leftOut: readonly string[] }>;
  /** Answers a call that looks for tools, turns one that calls another tool into that call, gives any other back. */
  redirect(call: ToolCall): Promise<{ call: ToolCall } | { result: ToolResult }>;
}

export interface ToolboxOptions {
  /** A result is cut to this size. */
  resultMaxBytes: number;
  /** How to choose among the tools; asked once for each list of tools. All are always offered when missing. */
  chooser?: (offers: readonly ToolOffer[]) => ToolChooser;
  /** Hears how many tools there are and which were not offered. */
  onLeftOut?: (count: number, leftOut: readonly string[]) => void;
}

/** Everything a session's model may use, each under one name. */
export interface Toolbox {
  /** What the model is offered for a conversation: all tools, or those that fit what the user said last; the same array for the same choice. */
  offersFor(conversation: readonly ModelMessage[]): Promise<readonly ToolOffer[]>;
  /** The call ready to be sent, or its result when there is nothing to send: refused, or answered from what is known here. */
  check(call: ToolCall): Promise<{ ready: CheckedCall } | { answered: ToolResult }>;
  /** Sends a checked call; the result is cut to the size limit. Never rejects for a device's failure. */
  send(call: CheckedCall, context: Omit<CallContext, 'connection'>): Promise<ToolResult>;
}

const NAME_MAX = 64;

interface Catalogue {
  offers: ToolOffer[];
  chooser?: ToolChooser | undefined;
  byName: Map<string, { tool: Tool; source: number }>;
}

/** Catalogues by the identity of their documents' tool lists, so that sessions with the same documents share one. */
interface Node {
  catalogue?: Catalogue;
  next: WeakMap<readonly Tool[], Node>;
}
const root: Node = { next: new WeakMap() };

/** A toolbox over documents; the second tool of a name gets a numbered suffix. */
export function openToolbox(sources: readonly ToolSource[], options: ToolboxOptions): Toolbox {
  const catalogue = catalogueOf(sources);
  const { offers, byName } = catalogue;
  const chooser = (catalogue.chooser ??= options.chooser?.(offers));
  return {
    async offersFor(conversation) {
      if (!chooser) return offers;
      const chosen = await chooser.choose(...wishOf(conversation));
      if (chosen.leftOut.length > 0) options.onLeftOut?.(offers.length, chosen.leftOut);
      return chosen.offers;
    },
    async check(asked) {
      const redirected = chooser ? await chooser.redirect(asked) : { call: asked };
      if ('result' in redirected) return { answered: redirected.result };
      const { call } = redirected;
      const found = byName.get(call.name);
      if (!found) return { answered: failed('unknown_tool', unknownTool(call.name, byName), 'none') };
      const args = call.arguments;
      if (typeof args === 'string')
        return {
          answered: failed(
            'invalid_arguments',
            `The arguments are not valid JSON: ${args.slice(0, 200)}`,
            'none',
          ),
        };
      if (!isObject(args))
        return { answered: failed('invalid_arguments', 'The arguments must be a JSON object.', 'none') };
      const faults = await faultsOf(found.tool.parameters, args);
      if (faults) return { answered: failed('invalid_arguments', faults, 'none') };
      return { ready: { tool: found.tool, arguments: args, connection: sources[found.source]!.connection } };
    },
    async send({ tool, arguments: args, connection }, context) {
      return clip(await tool.call(args, { ...context, connection }), options.resultMaxBytes);
    },
  };
}

function catalogueOf(sources: readonly ToolSource[]): Catalogue {
  let node = root;
  for (const { tools } of sources) {
    let next = node.next.get(tools);
    if (!next) node.next.set(tools, (next = { next: new WeakMap() }));
    node = next;
  }
  return (node.catalogue ??= buildCatalogue(sources));
}

function buildCatalogue(sources: readonly ToolSource[]): Catalogue {
  const offers: ToolOffer[] = [];
  const byName = new Map<string, { tool: Tool; source: number }>();
  sources.forEach(({ tools }, source) => {
    for (const tool of tools) {
      const name = freeName(tool.name, byName);
      byName.set(name, { tool, source });
      offers.push({ name, description: tool.description, parameters: tool.parameters });
    }
  });
  return { offers, byName };
}

/** What the user said last, and the tools that were used so far. */
function wishOf(conversation: readonly ModelMessage[]): [sentence: string, used: string[]] {
  const used = conversation.flatMap((line) =>
    line.role === 'assistant' ? line.calls.map(({ name }) => name) : [],
  );
  const said = conversation.findLast((line) => line.role === 'user');
  const texts =
    said?.role === 'user' ? said.content.map((part) => (part.type === 'text' ? part.text : '')) : [];
  return [texts.join(' '), used];
}

function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  for (let n = 1; ; n += 1) {
    const suffix = n === 1 ? '' : `_${n}`;
    const candidate = name.slice(0, NAME_MAX - suffix.length) + suffix;
    if (!taken.has(candidate)) return candidate;
  }
}

function unknownTool(name: string, byName: ReadonlyMap<string, unknown>): string {
  const some = [...byName.keys()].slice(0, 20);
  return `There is no tool named "${name.slice(0, 100)}". ${some.length ? `Tools: ${some.join(', ')}${byName.size > some.length ? ', …' : ''}.` : 'There are no tools.'}`;
}

const validators = new WeakMap<JsonSchema, ValidateFunction>();
let compiler: Promise<(schema: JsonSchema) => ValidateFunction> | undefined;

/** Why arguments do not fit a schema, every fault; undefined when they do. Validators are compiled at first use. */
async function faultsOf(schema: JsonSchema, args: JsonObject): Promise<string | undefined> {
  let validate = validators.get(schema);
  if (!validate) {
    const compile = await (compiler ??= loadCompiler());
    validators.set(schema, (validate = compile(schema)));
  }
  if (validate(args)) return undefined;
  const faults = (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const extra = isObject(params) ? (params['additionalProperty'] ?? params['allowedValues']) : undefined;
    return `${instancePath || '/'} ${message ?? 'is invalid'}${extra === undefined ? '' : `: ${JSON.stringify(extra)}`}`;
  });
  return `The arguments do not fit the tool: ${faults.slice(0, 20).join('; ')}.`;
}

async function loadCompiler(): Promise<(schema: JsonSchema) => ValidateFunction> {
  const [ajvs, formats] = await Promise.all([import('ajv/dist/2020.js'), import('ajv-formats')]);
  const ajv = new ajvs.default.Ajv2020({
    strict: false,
    allErrors: true,
    logger: false,
    addUsedSchema: false,
  });
  formats.default.default(ajv);
  return (schema) => ajv.compile(schema);
}
