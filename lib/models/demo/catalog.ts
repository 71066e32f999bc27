import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { ToolOffer } from '../../core/model.ts';
import { SWITCHES } from './vocabulary.ts';
import { keysOf, plain, wordsOf } from './words.ts';

/** One value that a parameter takes, with the words that have to be said for it. */
interface Choice {
  value: JsonValue;
  keys: Set<string>;
  /** What it means, where it means on (true) or off (false). */
  polarity: boolean | undefined;
}

export interface Parameter {
  name: string;
  schema: JsonObject;
  required: boolean;
  type: string;
  /** The words of its name and description. */
  keys: Set<string>;
  nameKeys: Set<string>;
  choices: Choice[];
}

/** A tool as the demo model sees it. */
export interface Entry {
  tool: ToolOffer;
  effect: 'read' | 'write';
  nameKeys: Set<string>;
  keys: Set<string>;
  parameters: Parameter[];
}

export interface Catalog {
  entries: Entry[];
  /** How much a word says: the fewer tools have it, the more. */
  weight(key: string): number;
}

const READS =
  /^(?:get|head|read|list|query|show|check|status|state|find|search|describe|count|is|has|fetch|lookup|view|info|measure|level|battery|position|location|version|health|ping)$/i;
const WRITES =
  /\b(?:set|turn|switch|write|put|post|patch|delete|remove|move|go|drive|send|pick|place|drop|start|stop|reset|restart|reboot|enable|disable|open|close|lock|unlock|create|add|update|change|adjust|control|execute|run|clear|cancel|press|play|pause|dock|charge|calibrate|shut ?down|toggle|dispense|activate|deactivate|emergency)s?\b|设置|控制|打开|关闭|移动|写入|删除|启动|停止|重启|让/i;

const catalogs = new WeakMap<readonly ToolOffer[], Catalog>();

/** The words of a set of tools; made once for each array. */
export function catalogOf(tools: readonly ToolOffer[]): Catalog {
  let catalog = catalogs.get(tools);
  if (catalog === undefined) {
    catalog = createCatalog(tools);
    catalogs.set(tools, catalog);
  }
  return catalog;
}

function createCatalog(tools: readonly ToolOffer[]): Catalog {
  const entries = tools.map(entryOf);
  const counts = new Map<string, number>();
  for (const { keys } of entries) for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return { entries, weight: (key) => Math.log(1 + entries.length / (counts.get(key) ?? entries.length)) };
}

function entryOf(tool: ToolOffer): Entry {
  const properties = isObject(tool.parameters['properties']) ? tool.parameters['properties'] : {};
  const required = Array.isArray(tool.parameters['required']) ? tool.parameters['required'] : [];
  const parameters = Object.entries(properties).flatMap(([name, schema]) =>
    isObject(schema) ? [parameterOf(name, schema, required.includes(name))] : [],
  );
  const nameKeys = keysOf(tool.name);
  const keys = new Set([...nameKeys, ...keysOf(tool.description)]);
  for (const parameter of parameters) {
    for (const key of parameter.keys) keys.add(key);
    for (const choice of parameter.choices) for (const key of choice.keys) keys.add(key);
  }
  return { tool, effect: effectOf(tool, required.length), nameKeys, keys, parameters };
}

/** Offers do not say what they change, so doubt makes a write: only a tool that calls itself a reading one is taken for one. */
function effectOf({ name, description }: ToolOffer, requiredCount: number): Entry['effect'] {
  const words = wordsOf(name).map(({ text }) => text);
  const verb = words.find((word) => READS.test(word) || new RegExp(`^(?:${WRITES.source})$`, 'i').test(word));
  if (verb !== undefined) return READS.test(verb) ? 'read' : 'write';
  return requiredCount === 0 && !WRITES.test(`${words.join(' ')} ${description}`) ? 'read' : 'write';
}

function parameterOf(name: string, schema: JsonObject, required: boolean): Parameter {
  const description = typeof schema['description'] === 'string' ? schema['description'] : '';
  const nameKeys = keysOf(name);
  return {
    name,
    schema,
    required,
    type:
      typeof schema['type'] === 'string'
        ? schema['type']
        : Array.isArray(schema['type'])
          ? plain(schema['type'][0])
          : '',
    keys: new Set([...nameKeys, ...keysOf(description)]),
    nameKeys,
    choices: choicesOf(schema, description),
  };
}

/** The values of an enum, of titled constants, or of a description like "0: auto, 1: cool". */
function choicesOf(schema: JsonObject, description: string): Choice[] {
  const choice = (value: JsonValue, text: string): Choice => {
    const words = wordsOf(text);
    const keys = new Set(words.map(({ key, own }) => (key === own ? key : own)));
    const polarity = words.map(({ key = '' }) => SWITCHES.get(key)).find((meaning) => meaning !== undefined);
    return { value, keys, polarity };
  };
  if (Array.isArray(schema['enum']) && schema['enum'].some((value) => typeof value === 'string'))
    return schema['enum'].map((value) => choice(value, plain(value)));
  const variants = schema['oneOf'] ?? schema['anyOf'];
  if (Array.isArray(variants)) {
    const titled = variants.filter(isObject).filter((variant) => variant['const'] !== undefined);
    if (titled.length > 0)
      return titled.map((variant) =>
        choice(
          variant['const'] ?? null,
          plain(variant['title'] ?? variant['description'] ?? variant['const']),
        ),
      );
  }
  if (schema['type'] !== 'integer' && schema['type'] !== 'number') return [];
  const coded = [...description.matchAll(/(?<![\d.])(\d+)\s*[:=：＝-]\s*([\p{L}][\p{L} _-]*)/gu)];
  return coded.length < 2 ? [] : coded.map(([, code, words = '']) => choice(Number(code), words));
}
