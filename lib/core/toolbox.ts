import { blotOwnSecrets, secretsOf } from '../secrets.ts';
import { checkArguments } from './argument-check.ts';
import { clip } from './clip.ts';
import { completeArguments } from './complete-arguments.ts';
import { formatExactly, hasBigint, inexactNumbers, parseExactly } from '../common/exact-numbers.ts';
import { closestWord } from '../common/closest-word.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { messageOf } from '../errors.ts';
import type { ToolCall, ToolResult } from './message.ts';
import type { ModelMessage, ToolOffer } from './model.ts';
import { failed, type CallContext, type Connection, type Tool } from './tool.ts';

/** The tools of one document, and the session's own data for it. */
export interface ToolSource {
  tools: readonly Tool[];
  connection: Connection;
}

/** A call whose arguments fit the tool's schema. A whole number that a JavaScript number cannot hold is a bigint. */
export interface CheckedCall {
  tool: Tool;
  arguments: JsonObject;
  connection: Connection;
}

/** A call after its check: ready to be sent, or answered already: a refusal, or an answer of the chooser. */
export type Checked = { ready: CheckedCall } | { answered: ToolResult };

/** Selects tools when there are too many for a model. */
export interface ToolChooser {
  /** Selects tools for a sentence; `keep` are names that must be among them. The same selection is the same array object. */
  choose(
    sentence: string,
    keep: readonly string[],
  ): Promise<{ offers: readonly ToolOffer[]; leftOut: readonly string[] }>;
  /** Answers a call that searches tools, turns a call that names another tool into that call, and passes on any other call. */
  redirect(call: ToolCall): Promise<{ call: ToolCall } | { result: ToolResult }>;
}

/** How a toolbox offers tools and cuts results. */
export interface ToolboxOptions {
  /** The size to which a result is cut. */
  resultMaxBytes: number;
  /** Makes the chooser of a list of tools, once for each list. Every tool is offered when it is missing. */
  chooser?: (offers: readonly ToolOffer[]) => ToolChooser;
  /** Receives the number of tools, and the names that were not offered. */
  onLeftOut?: (count: number, leftOut: readonly string[]) => void;
}

/** The tools of a session, each under one name. */
export interface Toolbox {
  /** The tools that the model is offered: all of them, or a selection for the last user message. The same selection is the same array object. */
  offersFor(conversation: readonly ModelMessage[]): Promise<readonly ToolOffer[]>;
  /** The tools that have one of these names. */
  offersNamed(names: readonly string[]): ToolOffer[];
  /**
   * The call as the model meant it, before it is logged: `null` for "not given" is left out, and a missing required argument
   * gets the default of its schema. Arguments with a number that JSON.parse would round are a text. A call of an unknown
   * tool stays as it is.
   */
  complete(call: ToolCall): ToolCall;
  /** Checks a call before it is sent. */
  check(call: ToolCall): Promise<Checked>;
  /** Sends a checked call; the result is cut to the size limit. Resolves also when the device fails. */
  send(call: CheckedCall, context: Omit<CallContext, 'connection'>): Promise<ToolResult>;
}

const NAME_MAX = 64;
/** How many names the answer to an unknown name lists. */
const NAMES_SHOWN = 20;

/** The tools of several documents under unique names. `source` is the index of a tool's document. */
interface Catalogue {
  offers: ToolOffer[];
  chooser?: ToolChooser | undefined;
  byName: Map<string, { tool: Tool; source: number }>;
}

/** Catalogues by the identity of their documents' tool lists: sessions with the same documents share one. */
interface CatalogueNode {
  catalogue?: Catalogue;
  next: WeakMap<readonly Tool[], CatalogueNode>;
}
const root: CatalogueNode = { next: new WeakMap() };

/** A toolbox over documents. When two tools have one name, the second gets a numbered suffix. */
export function createToolbox(sources: readonly ToolSource[], options: ToolboxOptions): Toolbox {
  const catalogue = catalogueOf(sources);
  const { offers, byName } = catalogue;
  const chooser = options.chooser && (catalogue.chooser ??= options.chooser(offers));
  return {
    async offersFor(conversation) {
      if (!chooser) return offers;
      const chosen = await chooser.choose(lastSentence(conversation), calledNames(conversation));
      if (chosen.leftOut.length > 0) options.onLeftOut?.(offers.length, chosen.leftOut);
      return chosen.offers;
    },
    offersNamed: (names) => offers.filter(({ name }) => names.includes(name)),
    complete(call) {
      const args = completed(call, byName).arguments;
      // The log is read with JSON.parse: arguments with a number that it would round stay a text.
      return args === call.arguments
        ? call
        : { ...call, arguments: hasBigint(args) ? formatExactly(args) : args };
    },
    async check(asked) {
      const exact = { ...asked, arguments: exactArguments(asked.arguments) };
      const redirected = chooser ? await chooser.redirect(exact) : { call: exact };
      if ('result' in redirected) return { answered: redirected.result };
      const call = completed(redirected.call, byName);
      const found = byName.get(call.name);
      if (!found) return { answered: failed('unknown_tool', unknownTool(call.name, byName), 'none') };
      const { tool, source } = found;
      const checked = await checkArguments(tool.parameters, call.arguments);
      if ('faults' in checked) return { answered: failed('invalid_arguments', checked.faults, 'none') };
      return { ready: { tool, arguments: checked.fits, connection: sources[source]!.connection } };
    },
    async send({ tool, arguments: args, connection }, context) {
      const own = secretsOf(connection);
      const result = await tool.call(args, { ...context, connection }).catch((error: unknown) => {
        throw new Error(blotOwnSecrets(messageOf(error), own), { cause: error });
      });
      // A device may send its key back: the log, the clients and the model see results.
      return clip(blotOwnSecrets(result, own), options.resultMaxBytes);
    },
  };
}

/** A call with the arguments that it means; a call of an unknown tool stays as it is. */
function completed(call: ToolCall, byName: Catalogue['byName']): ToolCall {
  const found = byName.get(call.name);
  const args = exactArguments(call.arguments);
  if (!found || !isObject(args)) return call;
  const meant = completeArguments(found.tool.parameters, args);
  return { ...call, arguments: found.tool.complete?.(meant) ?? meant };
}

/** The value of arguments that are a text because JSON.parse would round a number of it; other arguments stay as they are. */
function exactArguments(args: JsonValue): JsonValue {
  if (typeof args !== 'string' || inexactNumbers(args).length === 0) return args;
  return parseExactly(args) ?? args;
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

/** The text of the last user message. */
function lastSentence(conversation: readonly ModelMessage[]): string {
  const said = conversation.findLast((line) => line.role === 'user');
  if (said?.role !== 'user') return '';
  return said.content.map((part) => (part.type === 'text' ? part.text : '')).join(' ');
}

/** The names of the tools that were called so far. */
function calledNames(conversation: readonly ModelMessage[]): string[] {
  return conversation.flatMap((line) =>
    line.role === 'assistant' ? line.calls.map(({ name }) => name) : [],
  );
}

function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  for (let n = 1; ; n += 1) {
    const suffix = n === 1 ? '' : `_${n}`;
    const candidate = name.slice(0, NAME_MAX - suffix.length) + suffix;
    if (!taken.has(candidate)) return candidate;
  }
}

function unknownTool(name: string, byName: ReadonlyMap<string, unknown>): string {
  const names = [...byName.keys()];
  const told = `There is no tool named "${name.slice(0, 100)}".`;
  if (names.length === 0) return `${told} There are no tools.`;
  const meant = closestWord(name.slice(0, 100), names);
  const more = names.length > NAMES_SHOWN ? ', …' : '';
  const list = `Tools: ${names.slice(0, NAMES_SHOWN).join(', ')}${more}.`;
  return meant === undefined ? `${told} ${list}` : `${told} Did you mean "${meant}"? ${list}`;
}
