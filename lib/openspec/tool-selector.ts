import { LRUCache } from 'lru-cache';
import type MiniSearch from 'minisearch';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { closestWord } from '../common/closest-word.ts';
import { createPauses } from '../common/pauses.ts';
import type { ToolCall, ToolResult } from '../core/message.ts';
import type { ToolOffer } from '../core/model.ts';
import { failed } from '../core/tool.ts';
import { shorten } from './shorten.ts';
import { searchWordsOf } from './search-words.ts';

/** How much a model is offered at once, the three tools that find others included. */
interface OfferLimit {
  maxCount: number;
  /** The length of JSON of all offers together. A token is about four bytes. No limit when missing. */
  maxBytes?: number;
}

/** The tools that a model is offered. */
interface ToolSelection {
  /** The same array for the same choice. */
  offers: readonly ToolOffer[];
  /** The names of the other tools, in order; for the log. */
  leftOut: readonly string[];
}

/**
 * Chooses among a session's tools when there are too many for a model.
 *
 * Contract:
 * - When all fit, `choose` gives the tools themselves and nothing else.
 * - Otherwise it gives the tools that fit the sentence best and those named in `keep`, in the order of the whole, and
 *   three more: `search_tools`, `describe_tool`, `call_tool`. With these a model can find and call every tool.
 * - `redirect` answers a call of the first two, turns `call_tool` into the call that it means, and gives any other call back.
 * - `unknown` is the result of a call of a tool that is not there, with the name that is near.
 */
export interface ToolSelector {
  choose(sentence: string, keep?: readonly string[]): Promise<ToolSelection>;
  redirect(call: ToolCall): Promise<RedirectedCall>;
  unknown(name: string): ToolResult;
}

type RedirectedCall = { call: ToolCall } | { result: ToolResult };

interface IndexedTool {
  id: number;
  name: string;
  description: string;
  parameters: string;
}
type Search = (text: string, count: number) => ToolOffer[];

/** The number of tools that are offered when no word of the sentence fits any tool: the first ones. */
const FALLBACK_COUNT = 20;
const FOUND_MAX_COUNT = 20;
const CHOICES_KEPT_COUNT = 32;
/** A longer name is not a typing mistake of one that there is. */
const NAME_MAX_LENGTH = 100;
/** A match that is this much worse than the best one is noise. */
const SCORE_MIN = 0.12;

/** The search index of each list of tools: sessions with the same documents share one. */
const searches = new WeakMap<readonly ToolOffer[], Promise<Search>>();

/** The choice among `tools`. The search index is built when it is first needed, once for each list of tools. */
export function createToolSelector(tools: readonly ToolOffer[], limit: OfferLimit): ToolSelector {
  return new SearchingSelector(tools, limit);
}

class SearchingSelector implements ToolSelector {
  readonly #tools: readonly ToolOffer[];
  readonly #limit: OfferLimit;
  readonly #byName: ReadonlyMap<string, ToolOffer>;
  readonly #names: FinderNames;
  readonly #allFit: boolean;
  /** The three tools that find others; none when all tools fit. */
  readonly #finders: readonly ToolOffer[];
  /** A conversation comes back to the same tools, so the last choices are kept. */
  readonly #chosen = new LRUCache<string, ToolSelection>({ max: CHOICES_KEPT_COUNT });

  constructor(tools: readonly ToolOffer[], limit: OfferLimit) {
    this.#tools = tools;
    this.#limit = limit;
    this.#byName = new Map(tools.map((tool) => [tool.name, tool]));
    this.#names = {
      search: freeName('search_tools', this.#byName),
      describe: freeName('describe_tool', this.#byName),
      call: freeName('call_tool', this.#byName),
    };
    const { maxCount, maxBytes } = limit;
    this.#allFit = tools.length <= maxCount && (maxBytes === undefined || sizeOf(tools) <= maxBytes);
    this.#finders = this.#allFit ? [] : findersOf(this.#names, tools.length);
  }

  async choose(sentence: string, keep: readonly string[] = []): Promise<ToolSelection> {
    if (this.#allFit) return { offers: this.#tools, leftOut: [] };
    const kept = keep.map((name) => this.#byName.get(name)).filter((tool) => tool !== undefined);
    const found = await this.#search(sentence, this.#limit.maxCount);
    return this.#select([...kept, ...(found.length > 0 ? found : this.#tools.slice(0, FALLBACK_COUNT))]);
  }

  async redirect(call: ToolCall): Promise<RedirectedCall> {
    const { name, arguments: args } = call;
    if (this.#allFit || !this.#isFinder(name)) return { call };
    if (!isObject(args)) return refused('The arguments must be a JSON object.');
    if (name === this.#names.search) return this.#answerSearch(args['query']);
    const { name: wanted } = args;
    if (typeof wanted !== 'string') return refused('"name" must be the name of a tool.');
    if (name === this.#names.describe) return this.#describe(wanted);
    if (args['arguments'] === undefined && Object.keys(args).length > 1)
      return refused(`The arguments of "${shorten(wanted, 100)}" belong in "arguments".`);
    const meant = { ...call, name: wanted, arguments: innerArgumentsOf(args['arguments']) };
    if (this.#byName.has(wanted)) return { call: meant };
    // Some models call every tool in this way, also these three.
    return this.#isFinder(wanted) ? this.redirect(meant) : { result: this.unknown(wanted) };
  }

  unknown(name: string): ToolResult {
    const near = closestWord(name, name.length > NAME_MAX_LENGTH ? [] : [...this.#byName.keys()]);
    const meant = near === undefined ? '' : ` Did you mean "${near}"?`;
    const others = this.#allFit ? '' : ` ${this.#names.search} finds ${meant ? 'others' : 'one'}.`;
    return failed('unknown_tool', `There is no tool named "${shorten(name, 100)}".${meant}${others}`, 'none');
  }

  #isFinder(name: string): boolean {
    return Object.values(this.#names).includes(name);
  }

  /** The answer to `search_tools`: names and short descriptions. */
  async #answerSearch(query: JsonValue | undefined): Promise<RedirectedCall> {
    if (typeof query !== 'string') return refused('"query" must be a text: what the tool should do.');
    const found = await this.#search(query, FOUND_MAX_COUNT);
    const tools = found.map(({ name, description }) => ({ name, description: shorten(description, 200) }));
    const hint = 'No tool has one of these words: try others, in the language of the documents.';
    return { result: { tools, ...(tools.length === 0 && { hint }) } };
  }

  /** The answer to `describe_tool`: everything that a model needs to call the tool. */
  #describe(wanted: string): RedirectedCall {
    const tool = this.#byName.get(wanted);
    if (tool === undefined) return { result: this.unknown(wanted) };
    const { name, description, parameters } = tool;
    return { result: { name, description, parameters } };
  }

  /** Searches in the index of this list of tools, which is built with the first search. */
  async #search(text: string, count: number): Promise<ToolOffer[]> {
    let index = searches.get(this.#tools);
    if (index === undefined) searches.set(this.#tools, (index = buildSearch(this.#tools)));
    return (await index)(text, count);
  }

  /** The first of the wanted tools that fit the limit, with the finders. */
  #select(wanted: readonly ToolOffer[]): ToolSelection {
    const { maxCount, maxBytes } = this.#limit;
    const picked = new Set<ToolOffer>();
    let bytes = sizeOf(this.#finders);
    for (const tool of wanted) {
      if (picked.has(tool)) continue;
      if (picked.size >= maxCount - this.#finders.length) break;
      bytes += maxBytes === undefined ? 0 : bytesOf(tool);
      if (maxBytes !== undefined && bytes > maxBytes) break;
      picked.add(tool);
    }
    const names = [...picked].map(({ name }) => name);
    const key = names.toSorted().join(' ');
    let selection = this.#chosen.get(key);
    if (selection === undefined) {
      selection = {
        offers: [...this.#tools.filter((tool) => picked.has(tool)), ...this.#finders],
        leftOut: this.#tools.filter((tool) => !picked.has(tool)).map(({ name }) => name),
      };
      this.#chosen.set(key, selection);
    }
    return selection;
  }
}

/** The names of the three tools that find others. */
interface FinderNames {
  search: string;
  describe: string;
  call: string;
}

function refused(message: string): { result: ToolResult } {
  return { result: failed('invalid_arguments', message, 'none') };
}

/** Some models send the inner arguments as JSON text. */
function innerArgumentsOf(value: JsonValue | undefined): JsonValue {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as JsonValue;
  } catch {
    // The check of the call's arguments reports the fault.
    return value;
  }
}

function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
  return free;
}

/** The tools with which a model finds and calls the others. */
function findersOf(names: FinderNames, count: number): ToolOffer[] {
  const object = (properties: JsonObject, required: string[]): JsonObject => ({
    type: 'object',
    properties,
    required,
    additionalProperties: false,
  });
  const name = { type: 'string', description: 'The name of a tool' };
  return [
    {
      name: names.search,
      description: `Finds tools by what they do. There are ${count} in all; only some of them are listed here.`,
      parameters: object(
        { query: { type: 'string', description: 'A few words on what the tool should do' } },
        ['query'],
      ),
    },
    {
      name: names.describe,
      description: `Tells what a tool does and which arguments it takes. Use it before ${names.call}.`,
      parameters: object({ name }, ['name']),
    },
    {
      name: names.call,
      description: 'Calls a tool that is not listed here, by its name.',
      parameters: object(
        {
          name,
          arguments: {
            type: 'object',
            description: 'The arguments of that tool',
            additionalProperties: true,
          },
        },
        ['name', 'arguments'],
      ),
    },
  ];
}

/** Builds the index. A name counts more than a description, and a description more than an argument. */
async function buildSearch(tools: readonly ToolOffer[]): Promise<Search> {
  const { default: MiniSearch } = await import('minisearch');
  const index: MiniSearch<IndexedTool> = new MiniSearch({
    fields: ['name', 'description', 'parameters'],
    tokenize: searchWordsOf,
    processTerm: (term) => term,
    searchOptions: {
      boost: { name: 2.5, description: 1.5 },
      prefix: (term) => term.length > 3,
      combineWith: 'OR',
    },
  });
  const pause = createPauses();
  for (const [id, { name, description, parameters }] of tools.entries()) {
    index.add({ id, name, description, parameters: parameterWords(parameters) });
    await pause();
  }
  return (text, count) => {
    const found = index.search(text);
    const least = (found[0]?.score ?? 0) * SCORE_MIN;
    return found
      .filter(({ score }) => score >= least)
      .slice(0, count)
      .map(({ id }) => tools[id as number])
      .filter((tool) => tool !== undefined);
  };
}

/** The words of a tool's arguments: their names, their descriptions and their possible values. */
function parameterWords({ properties }: JsonObject): string {
  const words: string[] = [];
  for (const [name, schema] of Object.entries(isObject(properties) ? properties : {})) {
    words.push(name);
    if (!isObject(schema)) continue;
    if (typeof schema['description'] === 'string') words.push(schema['description']);
    for (const value of Array.isArray(schema['enum']) ? schema['enum'].slice(0, 50) : []) {
      if (typeof value === 'string') words.push(value);
    }
  }
  return words.join(' ');
}

function sizeOf(tools: readonly ToolOffer[]): number {
  return tools.reduce((sum, tool) => sum + bytesOf(tool), 0);
}

function bytesOf(tool: ToolOffer): number {
  return Buffer.byteLength(JSON.stringify(tool));
}
