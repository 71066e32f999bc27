import { LRUCache } from 'lru-cache';
import type MiniSearch from 'minisearch';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { ToolCall, ToolResult } from '../core/message.ts';
import type { ToolOffer } from '../core/model.ts';
import { failed } from '../core/tool.ts';
import { shorten } from './shorten.ts';
import { searchWordsOf } from './search-words.ts';

/** How much a model is offered at once, the three tools for finding others included. */
export interface SelectLimit {
  maxCount: number;
  /** JSON text of all offers together; a token is about four bytes. No limit when missing. */
  maxBytes?: number;
}

export interface ToolSelection {
  /** The same array for the same choice. */
  offers: readonly ToolOffer[];
  /** Names of what is not offered, in order; for the log. */
  leftOut: readonly string[];
}

/**
 * Chooses among a session's tools when there are too many for a model.
 *
 * Contract:
 * - When all fit, `choose` gives the tools themselves and nothing else.
 * - Otherwise it gives the tools that fit the sentence best and those named in `keep`, in the order of the whole, and
 *   three more: `search_tools`, `describe_tool`, `call_tool`, by which every tool can still be found and called.
 * - `redirect` answers a call of the first two, turns `call_tool` into the call that it means, and gives any other call back.
 */
export interface ToolSelector {
  choose(sentence: string, keep?: readonly string[]): Promise<ToolSelection>;
  redirect(call: ToolCall): Promise<{ call: ToolCall } | { result: ToolResult }>;
}

interface Entry {
  id: number;
  name: string;
  description: string;
  parameters: string;
}
type Search = (text: string, count: number) => ToolOffer[];

/** Offered when no word of the sentence fits any tool: the first of them. */
const FALLBACK_COUNT = 20;
const FOUND_MAX_COUNT = 20;
const CHOICES_KEPT_COUNT = 32;
/** What fits far worse than the best match is noise. */
const SCORE_MIN = 0.12;

/** Searches by the identity of the tool list, so that sessions with the same documents share one. */
const searches = new WeakMap<readonly ToolOffer[], Promise<Search>>();

/** Opens the choice among `tools`; the search index is built when it is first needed, once for each list of tools. */
export function createToolSelector(tools: readonly ToolOffer[], limit: SelectLimit): ToolSelector {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const names = {
    search: freeName('search_tools', byName),
    describe: freeName('describe_tool', byName),
    call: freeName('call_tool', byName),
  };
  const fits =
    tools.length <= limit.maxCount && (limit.maxBytes === undefined || sizeOf(tools) <= limit.maxBytes);
  const finders = fits ? [] : findersOf(names, tools.length);
  /** A conversation comes back to the same tools, so the last choices are kept. */
  const chosen = new LRUCache<string, ToolSelection>({ max: CHOICES_KEPT_COUNT });

  const search = async (text: string, count: number): Promise<ToolOffer[]> => {
    let index = searches.get(tools);
    if (index === undefined) {
      index = buildSearch(tools);
      searches.set(tools, index);
    }
    return (await index)(text, count);
  };
  const selectionOf = (wanted: readonly ToolOffer[]): ToolSelection => {
    const picked = new Set<ToolOffer>();
    let bytes = sizeOf(finders);
    for (const tool of wanted) {
      if (picked.has(tool)) continue;
      if (picked.size >= limit.maxCount - finders.length) break;
      bytes += limit.maxBytes === undefined ? 0 : bytesOf(tool);
      if (limit.maxBytes !== undefined && bytes > limit.maxBytes) break;
      picked.add(tool);
    }
    const key = [...picked]
      .map(({ name }) => name)
      .toSorted()
      .join(' ');
    let selection = chosen.get(key);
    if (selection === undefined) {
      selection = {
        offers: [...tools.filter((tool) => picked.has(tool)), ...finders],
        leftOut: tools.filter((tool) => !picked.has(tool)).map(({ name }) => name),
      };
    }
    chosen.set(key, selection);
    return selection;
  };

  return {
    async choose(sentence, keep = []) {
      if (fits) return { offers: tools, leftOut: [] };
      const kept = keep.map((name) => byName.get(name)).filter((tool) => tool !== undefined);
      const found = await search(sentence, limit.maxCount);
      return selectionOf([...kept, ...(found.length > 0 ? found : tools.slice(0, FALLBACK_COUNT))]);
    },
    async redirect(call) {
      const { name, arguments: args } = call;
      if (fits || !Object.values(names).includes(name)) return { call };
      if (!isObject(args)) return refused('The arguments must be a JSON object.');
      if (name === names.search) {
        const { query } = args;
        if (typeof query !== 'string') return refused('"query" must be a text: what the tool should do.');
        const found = (await search(query, FOUND_MAX_COUNT)).map(({ name, description }) => ({
          name,
          description: shorten(description, 200),
        }));
        return { result: { tools: found } };
      }
      const { name: wanted } = args;
      if (typeof wanted !== 'string') return refused('"name" must be the name of a tool.');
      if (name === names.call) {
        return { call: { ...call, name: wanted, arguments: argumentsOf(args['arguments']) } };
      }
      const tool = byName.get(wanted);
      if (tool === undefined) {
        return {
          result: failed(
            'unknown_tool',
            `There is no tool named "${shorten(wanted, 100)}": ${names.search} finds one.`,
            'none',
          ),
        };
      }
      return { result: { name: tool.name, description: tool.description, parameters: tool.parameters } };
    },
  };
}

function refused(message: string): { result: ToolResult } {
  return { result: failed('invalid_arguments', message, 'none') };
}

/** Some models send the inner arguments as JSON text. */
function argumentsOf(value: JsonValue | undefined): JsonValue {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as JsonValue;
  } catch {
    // Whoever checks the call's arguments says what is wrong with them.
    return value;
  }
}

function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
  return free;
}

function findersOf(names: { search: string; describe: string; call: string }, count: number): ToolOffer[] {
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

async function buildSearch(tools: readonly ToolOffer[]): Promise<Search> {
  const { default: MiniSearch } = await import('minisearch');
  const index: MiniSearch<Entry> = new MiniSearch({
    fields: ['name', 'description', 'parameters'],
    tokenize: searchWordsOf,
    processTerm: (term) => term,
    searchOptions: {
      boost: { name: 2.5, description: 1.5 },
      prefix: (term) => term.length > 3,
      combineWith: 'OR',
    },
  });
  index.addAll(
    tools.map(({ name, description, parameters }, id) => ({
      id,
      name,
      description,
      parameters: textOf(parameters),
    })),
  );
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

/** The words of a tool's arguments: their names, descriptions and what they may be. */
function textOf({ properties }: JsonObject): string {
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
