import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { linearPattern } from '../../common/linear-pattern.ts';
import type { ToolOffer } from '../../core/model.ts';
import { CHANGES, wordKeysOf, readWords, type Quantity, type Request } from './sentence.ts';
import { GENERIC } from './vocabulary.ts';

/** A parameter, and the words for each value that it may have. */
export interface DemoParameter {
  name: string;
  schema: JsonObject;
  required: boolean;
  keys: ReadonlySet<string>;
  choices: { value: JsonValue; keys: ReadonlySet<string> }[];
}

/** A tool as the demo model sees it; `keys` are those of all its texts. */
export interface DemoTool {
  offer: ToolOffer;
  effect: 'read' | 'write';
  keys: ReadonlySet<string>;
  parameters: DemoParameter[];
}

/** The arguments that a request gives to a tool, and the words and numbers that they are made of. */
export interface Filling {
  args: JsonObject;
  /** 1 for a value that is named outright, 0.5 for one that merely fits. A number that is sure is counted in `sureCount` instead. */
  score: number;
  used: Set<string | Quantity>;
  /** How many arguments the request gave. Constants and defaults are not among them. */
  givenCount: number;
  /** How many numbers have the unit or the neighbour of their parameter. */
  sureCount: number;
  /** The word that was taken for a value because nothing else explains it. */
  guessed: string | undefined;
}

/** The verbs of tools that change nothing. */
const READS =
  /^(?:get|head|read|list|query|show|check|status|state|find|search|describe|count|is|has|fetch|view|measure|level|battery|position|location|version|health|ping)$/i;
/** The words of a parameter that takes numbers with this unit. */
const UNITS = {
  percent: /percent|%|bright|dim|level|volume|humid|亮度|音量|湿度/i,
  degree: /℃|°|celsius|degree|temp|温度|angle|角度/i,
};

/** Reads a tool. In doubt it writes: an offer does not say what a call changes. */
export function readTool(offer: ToolOffer): DemoTool {
  const { name, description, parameters: schema } = offer;
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const properties = Object.entries(isObject(schema['properties']) ? schema['properties'] : {});
  const parameters = properties.map(([key, value = {}]) => readParameter(key, value, required.includes(key)));
  // The first verb of the name decides. Without one, a tool that asks for nothing reads, unless its description names a change.
  const verb = readWords(name).find(({ text }) => READS.test(text) || CHANGES.test(text))?.text;
  const isRead = verb ? READS.test(verb) : required.length === 0 && !CHANGES.test(description);
  const inside = parameters.flatMap(({ keys, choices }) => [keys, ...choices.map((choice) => choice.keys)]);
  const keys = new Set([wordKeysOf(`${name} ${description}`), ...inside].flatMap((some) => [...some]));
  return { offer, effect: isRead ? 'read' : 'write', keys, parameters };
}

function readParameter(name: string, value: JsonValue, required: boolean): DemoParameter {
  const schema = isObject(value) ? value : {};
  const choices = namedValues(schema).map(([choice, text]) => ({
    value: choice,
    keys: new Set(readWords(text).map(({ own }) => own)),
  }));
  return {
    name,
    schema,
    required,
    keys: wordKeysOf(`${name} ${plainValue(schema['description'])}`),
    choices,
  };
}

/** The values of a boolean, of an enum, of titled constants, or of a description such as "0: auto, 1: cool", named. */
function namedValues({ type, enum: values, oneOf, description }: JsonObject): [JsonValue, string][] {
  if (type === 'boolean')
    return [
      [true, 'on'],
      [false, 'off'],
    ];
  if (Array.isArray(values)) return values.map((value) => [value, plainValue(value)]);
  if (Array.isArray(oneOf))
    return oneOf.filter(isObject).map(({ const: value = null, title }) => [value, plainValue(title)]);
  const coded = [...plainValue(description).matchAll(/(?<![\d.])(\d+)\s*[:=：＝-]\s*([\p{L}][\p{L} _-]*)/gu)];
  return type === 'integer' && coded.length > 1
    ? coded.map(([, code, text = '']) => [Number(code), text])
    : [];
}

/** Fills the parameters of a tool from a request. A value that is named outright goes before one that merely fits. */
export function fill(tool: DemoTool, request: Request): Filling {
  const filling: Filling = {
    args: {},
    score: 0,
    used: new Set(),
    givenCount: 0,
    sureCount: 0,
    guessed: undefined,
  };
  for (const find of [findConstant, findChoice, findNumber, findText, findDefault])
    for (const parameter of tool.parameters)
      filling.args[parameter.name] ??= find(parameter, request, filling, tool);
  return filling;
}

/** Finds the value of a parameter, and notes in `filling` what it was made of; undefined when the request has none. */
type Find = (
  parameter: DemoParameter,
  request: Request,
  filling: Filling,
  tool: DemoTool,
) => JsonValue | undefined;

const findConstant: Find = ({ schema, required }) => (required ? schema['const'] : undefined);
const findDefault: Find = ({ schema, required }) => (required ? schema['default'] : undefined);

/** The choice all of whose words are said. */
const findChoice: Find = ({ choices }, { words }, filling) => {
  const said = new Set(words.flatMap(({ key, own }) => [key, own]));
  const fits = choices.filter(({ keys }) => keys.size > 0 && [...keys].every((key) => said.has(key)));
  const best = fits.reduce((a, b) => (b.keys.size > (a?.keys.size ?? 0) ? b : a), fits[0]);
  const sources = words.filter(({ key = '', own }) => best?.keys.has(key) || best?.keys.has(own));
  return (
    best &&
    use(
      filling,
      sources.flatMap(({ key }) => key ?? []),
      best.value,
    )
  );
};

/** The number with the parameter's unit or beside its name; else, where one is required, any that fits. */
const findNumber: Find = ({ name, schema, keys, choices, required }, { quantities }, filling, { offer }) => {
  if (!/^(?:number|integer)$/.test(plainValue(schema['type'])) || choices.length > 0) return undefined;
  const about = `${name} ${plainValue(schema['description'])} ${offer.description}`;
  const free = quantities.filter((one) => !filling.used.has(one) && inRange(schema, one.value));
  const isNamed = ({ unit, beside }: Quantity): boolean =>
    unit ? UNITS[unit].test(about) : beside.some((key) => keys.has(key));
  const sure = free.find(isNamed);
  const found = sure ?? (required ? free.find(({ unit }) => !unit) : undefined);
  filling.sureCount += sure ? 1 : 0;
  return found && use(filling, [found], found.value, sure ? 0 : 0.5);
};

/** A quoted text, a code such as B3, or the one word that nothing else explains. */
const findText: Find = ({ schema, choices, required }, { text, words }, filling, { keys }) => {
  if (!required || choices.length > 0 || !/^$|string/.test(plainValue(schema['type']))) return undefined;
  const pattern = linearPattern(plainValue(schema['pattern']));
  const fits = (value: string): boolean =>
    pattern?.test(value) !== false && !Object.values(filling.args).includes(value);
  const value = [...text.matchAll(TEXT_VALUE)].map(([, quoted, code = '']) => quoted ?? code).find(fits);
  if (value !== undefined) return use(filling, wordKeysOf(value), value);
  const [word, ...others] = words.filter(
    ({ key = '' }) => ![keys, filling.used, GENERIC].some((set) => set.has(key)),
  );
  if (!word || others.length > 0 || !fits(word.text)) return undefined;
  filling.guessed = word.key;
  return use(filling, [], word.text, 0.5);
};
const TEXT_VALUE =
  /["“「『']([^"”」』']{1,80})["”」』'](?!\p{L})|(?<![\p{Script=Latin}\d])([A-Za-z]{1,3}-?\d{1,5})(?![\p{L}\d])/gu;

/** Notes that the request gave a value, and what it was made of, so that it is not used a second time. */
function use<T>(filling: Filling, sources: Iterable<string | Quantity>, value: T, score = 1): T {
  filling.score += score;
  filling.givenCount += 1;
  for (const source of sources) filling.used.add(source);
  return value;
}

/** Whether a schema of a number takes a value. */
export function inRange(
  { type, minimum = -Infinity, maximum = Infinity }: JsonObject,
  value: number,
): boolean {
  return (
    (type !== 'integer' || Number.isInteger(value)) && value >= Number(minimum) && value <= Number(maximum)
  );
}

/** A value as people write it: a text without quotes, nothing for nothing. */
export function plainValue(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}
