import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { JsonSchema } from '../core/tool.ts';

/** More values than these are counted, not shown. */
const VALUES_MAX_COUNT = 12;

/** An argument of a tool for people: its name with `?` where it may be left out, and the words about its value. */
export interface ArgumentLine {
  name: string;
  text: string;
}

/** The arguments of a tool in the order of its schema: type, range, values, default, and the first line of the description. */
export function argumentLines({ properties, required }: JsonSchema): ArgumentLine[] {
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.entries(isObject(properties) ? properties : {}).map(([name, schema]) => ({
    name: needed.has(name) ? name : `${name}?`,
    text: isObject(schema) ? wordsOf(schema) : 'any value',
  }));
}

/** Everything about a value in a line. */
function wordsOf(schema: JsonObject): string {
  const { default: usual, description } = schema;
  const said = typeof description === 'string' ? (description.split('\n')[0] ?? '') : '';
  return [
    `${typeOf(schema)}${rangeOf(schema)}`,
    ...(usual === undefined ? [] : [`${JSON.stringify(usual)} when missing`]),
    ...(said === '' ? [] : [said]),
  ].join('; ');
}

/** The type of a value in words: a constant, choices, alternatives, or the name of the type. */
function typeOf(schema: JsonObject): string {
  const { const: only, enum: values, type, items, anyOf, oneOf, format } = schema;
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(values)) {
    const shown = values.slice(0, VALUES_MAX_COUNT).map(plain).join(' | ');
    const more = values.length - VALUES_MAX_COUNT;
    return more > 0 ? `${shown} | … (${more} more)` : shown;
  }
  const choices = anyOf ?? oneOf;
  if (type === undefined && Array.isArray(choices))
    return choices
      .filter(isObject)
      .map((one) => `${typeOf(one)}${rangeOf(one)}`)
      .join(' or ');
  if (Array.isArray(type)) return type.map(plain).join(' or ');
  if (type === 'array') return `list of ${isObject(items) ? `${typeOf(items)}${rangeOf(items)}` : 'values'}`;
  if (type === 'string') return typeof format === 'string' ? `text (${format})` : 'text';
  if (type === 'boolean') return 'true | false';
  return typeof type === 'string' ? type : 'any value';
}

/** The range of a number, the length of a text, or the step. */
function rangeOf(schema: JsonObject): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern } =
    schema;
  const parts = [
    spanOf(minimum, maximum, ''),
    ...(exclusiveMinimum === undefined ? [] : [`above ${plain(exclusiveMinimum)}`]),
    ...(exclusiveMaximum === undefined ? [] : [`below ${plain(exclusiveMaximum)}`]),
    ...(multipleOf === undefined ? [] : [`in steps of ${plain(multipleOf)}`]),
    spanOf(minLength, maxLength, ' characters'),
    ...(typeof pattern === 'string' ? [`like ${pattern}`] : []),
  ].filter((part) => part !== '');
  return parts.map((part) => `, ${part}`).join('');
}

/** A span in words; empty where neither end is given. */
function spanOf(least: JsonValue | undefined, most: JsonValue | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return `${plain(least)} to ${plain(most)}${unit}`;
  if (least !== undefined) return `at least ${plain(least)}${unit}`;
  return most === undefined ? '' : `at most ${plain(most)}${unit}`;
}

function plain(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
