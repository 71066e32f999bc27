import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { Entry, Parameter } from './catalog.ts';
import type { Part } from './parts.ts';
import { SWITCHES } from './vocabulary.ts';
import { keysOf, plain, type Quantity } from './words.ts';

/** Arguments that a part's words give for a tool. */
export interface Filling {
  args: JsonObject;
  /** Required parameters that nothing was found for. */
  missing: Parameter[];
  /** How surely it was meant: a point for a value named outright, half for one that merely fits. */
  score: number;
  /** What of the part went into it. */
  used: { keys: Set<string>; quantities: Set<Quantity> };
  /** How many numbers were taken by their unit or neighbour. */
  sureCount: number;
  /** Words taken for a value because nothing else explains them: no sign that this tool was meant. */
  guessed: Set<string>;
}

const UNITS: Record<NonNullable<Quantity['unit']>, RegExp> = {
  percent: /percent|%|bright|dim|level|volume|humid|position|opacity|intensity|亮度|音量|湿度/i,
  degree: /℃|°|celsius|degree|temp|温度|angle|heading|rotation|角度/i,
};

/** Fills a tool's parameters from a part of a sentence: enum words, numbers by unit and neighbour, on and off, codes, names. */
export function fill(entry: Entry, part: Part): Filling {
  const filling: Filling = {
    args: {},
    missing: [],
    score: 0,
    used: { keys: new Set(), quantities: new Set() },
    sureCount: 0,
    guessed: new Set(),
  };
  const fillers = [fillConstant, fillChoice, fillSwitch, fillNumber, fillText];
  // What is named outright goes first, so that a loose fit does not take it away.
  for (const filler of fillers)
    for (const parameter of entry.parameters) {
      if (filling.args[parameter.name] !== undefined) continue;
      const value = filler(parameter, part, filling, entry);
      if (value !== undefined) filling.args[parameter.name] = value;
    }
  for (const parameter of entry.parameters) {
    if (!parameter.required || filling.args[parameter.name] !== undefined) continue;
    const preset = parameter.schema['default'];
    if (preset !== undefined) filling.args[parameter.name] = preset;
    else filling.missing.push(parameter);
  }
  return filling;
}

type Filler = (parameter: Parameter, part: Part, filling: Filling, entry: Entry) => JsonValue | undefined;

/** What cannot be anything else. */
const fillConstant: Filler = ({ schema, required }) => (required ? schema['const'] : undefined);

/** The choice all of whose words are said; the one with most words where several are. */
const fillChoice: Filler = ({ choices }, part, filling) => {
  const said = new Set(part.words.flatMap(({ key, own }) => [key, own]));
  const fits = choices.filter(({ keys }) => keys.size > 0 && [...keys].every((key) => said.has(key)));
  const [best] = fits.sort((a, b) => b.keys.size - a.keys.size);
  if (best === undefined) return undefined;
  for (const { key, own } of part.words)
    if (key !== undefined && (best.keys.has(key) || best.keys.has(own))) filling.used.keys.add(key);
  filling.score++;
  return best.value;
};

/** On or off for a boolean, or for choices that mean these. */
const fillSwitch: Filler = ({ type, choices, required }, part, filling) => {
  if (part.polarity === undefined) return undefined;
  const wanted = choices.find(({ polarity }) => polarity === part.polarity)?.value;
  const value = wanted ?? (type === 'boolean' && required ? part.polarity : undefined);
  if (value === undefined) return undefined;
  filling.score++;
  for (const { key } of part.words) if (key !== undefined && SWITCHES.has(key)) filling.used.keys.add(key);
  return value;
};

/** The number whose unit or neighbour is the parameter's, else, where one is required, the only one that fits. */
const fillNumber: Filler = (parameter, part, filling, entry) => {
  if ((parameter.type !== 'number' && parameter.type !== 'integer') || parameter.choices.length > 0)
    return undefined;
  const about = `${parameter.name} ${text(parameter.schema['description'])}`;
  const own = part.quantities.filter(
    (quantity) => !filling.used.quantities.has(quantity) && inRange(parameter, quantity.value),
  );
  const percentRange = parameter.schema['maximum'] === 100;
  const byUnit = own.find(
    ({ unit }) =>
      unit !== undefined &&
      (UNITS[unit].test(about) ||
        UNITS[unit].test(entry.tool.description) ||
        (unit === 'percent' && percentRange)),
  );
  const byName = own.find(
    ({ beside, unit }) => unit === undefined && beside.some((key) => parameter.keys.has(key)),
  );
  const sure = byUnit ?? byName;
  const found = sure ?? (parameter.required ? own.find(({ unit }) => unit === undefined) : undefined);
  if (found === undefined) return undefined;
  filling.score += sure === undefined ? 0.5 : 1;
  filling.used.quantities.add(found);
  if (sure !== undefined) filling.sureCount++;
  return found.value;
};

function inRange({ schema, type }: Parameter, value: number): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (type === 'integer' && !Number.isInteger(value)) return false;
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) return false;
  return (
    !(typeof minimum === 'number' && value < minimum) &&
    !(typeof maximum === 'number' && value > maximum) &&
    !(typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) &&
    !(typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum)
  );
}

/** A quoted text, a code such as B3, what follows the parameter's name ("shelf north"), or the one word nobody else explains. */
const fillText: Filler = (parameter, part, filling, entry) => {
  const { type, schema, choices, required, nameKeys } = parameter;
  if ((type !== 'string' && type !== '') || choices.length > 0 || !required) return undefined;
  const fits = (value: string) =>
    typeof schema['pattern'] !== 'string' || safePattern(schema['pattern'])?.test(value) !== false;
  const quoted = /["“「『']([^"”」』']{1,80})["”」』'](?=\s|$|[^\p{L}])/u.exec(part.text)?.[1];
  if (quoted !== undefined && fits(quoted)) {
    for (const key of keysOf(quoted)) filling.used.keys.add(key);
    return named(filling, quoted);
  }

  const taken = Object.values(filling.args);
  const code = [...part.text.matchAll(/(?<![\p{L}\d])[A-Za-z]{1,3}-?\d{1,5}(?![\p{L}\d])/gu)].map(
    ([value]) => value,
  );
  const free = code.find((value) => !taken.includes(value) && fits(value));
  if (free !== undefined) {
    for (const word of part.words)
      if (word.text === free && word.key !== undefined) filling.used.keys.add(word.key);
    return named(filling, free);
  }
  const at = part.words.findIndex(({ key }) => key !== undefined && nameKeys.has(key));
  const next = part.words[at + 1];
  const follows = at >= 0 && next?.key !== undefined && !entry.keys.has(next.key) ? next : undefined;
  const unknown = part.words.filter(
    ({ key }) =>
      key !== undefined && !entry.keys.has(key) && !filling.used.keys.has(key) && !GENERIC.has(key),
  );
  const word = follows ?? (unknown.length === 1 ? unknown[0] : undefined);
  if (word?.key === undefined || taken.includes(word.text) || !fits(word.text)) return undefined;
  if (word === follows) filling.used.keys.add(word.key);
  else filling.guessed.add(word.key);
  filling.score += 0.5;
  return word.text;
};

function named(filling: Filling, value: string): string {
  filling.score++;
  return value;
}

function safePattern(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 'u');
  } catch {
    return undefined;
  }
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Words that many tools share and that do not tell what a sentence is about. */
export const GENERIC: ReadonlySet<string> = new Set([
  'set',
  'turn',
  'on',
  'off',
  'get',
  'open',
  'clos',
  'all',
  'mov',
  'pick',
  'list',
  'status',
  'current',
  'giv',
]);

/** What a person has to say for a parameter. */
export function describeParameter({ name, schema, type, choices }: Parameter): string {
  if (choices.length > 0)
    return `${name} (${choices
      .slice(0, 12)
      .map(({ value }) => plain(value))
      .join(', ')})`;
  const { minimum, maximum } = schema;
  if (typeof minimum === 'number' && typeof maximum === 'number') return `${name} (${minimum}–${maximum})`;
  return isObject(schema) && type !== '' ? `${name} (${type})` : name;
}
