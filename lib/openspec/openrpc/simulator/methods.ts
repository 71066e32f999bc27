import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { SpecError, type Fault } from '../../../errors.ts';
import { methodEntriesOf } from '../methods.ts';
import { objectAtRef } from '../params.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { faultsOf } from '../../schema/value-faults.ts';
import { sampleOf } from '../../schema/sample.ts';
import { viewOf, type SchemaView } from '../../schema/schema-view.ts';
import { topicOf, type Topic } from '../../../simulate/topic.ts';

/** A method of a document, as calls find it. */
export interface Method {
  name: string;
  topic: Topic;
  /** Whether it says that it changes nothing. */
  readOnly: boolean;
  /** In the order of the document, which counts for params by position. */
  params: { name: string; required: boolean; schema: SchemaView }[];
  /** How params may come; undefined: both ways. */
  structure: 'by-name' | 'by-position' | undefined;
  /** Missing for a method that answers nothing. */
  result: SchemaView | undefined;
  examples: { args: JsonObject; result: JsonValue }[];
}

/** The methods of a document by name; one that cannot be read is left out, as it gives no tool either. */
export function readMethods(document: SpecDocument): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (const [index, item] of methodEntriesOf(document.root).entries()) {
    try {
      const { node, home } = objectAtRef(document, item, document.root, `methods/${index}`);
      const { name } = node;
      // On the wire a name stands for one method: the first one.
      if (typeof name === 'string' && !methods.has(name))
        methods.set(name, methodOf(document, name, node, home));
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
    }
  }
  return methods;
}

/** Reads one method. Throws a SpecError for params whose `$ref` leads nowhere. */
function methodOf(document: SpecDocument, name: string, method: JsonObject, home: JsonObject): Method {
  const params = listOf(method['params']).map((item, index) => {
    const { node: value, home: itsHome } = objectAtRef(document, item, home, `params/${index}`);
    return {
      name: typeof value['name'] === 'string' ? value['name'] : `param_${index + 1}`,
      required: value['required'] === true,
      schema: viewOf(document, value['schema'] ?? {}, itsHome),
    };
  });
  const result = method['result'] === undefined ? undefined : viewOf(document, method['result'], home);
  const { paramStructure } = method;
  return {
    name,
    topic: topicOf(name),
    readOnly: method['x-lite-agent-effect'] === 'read',
    params,
    structure: paramStructure === 'by-name' || paramStructure === 'by-position' ? paramStructure : undefined,
    result: result?.at(isObject(result.value) ? result.value['schema'] : undefined),
    examples: listOf(method['examples']).flatMap((item) => exampleOf(viewOf(document, item, home))),
  };
}

/** The arguments and the result of an Example Pairing Object; none when a part is missing. */
function exampleOf(example: SchemaView): Method['examples'] {
  if (!isObject(example.value)) return [];
  const { value: result } = example.at(example.value['result']);
  if (!isObject(result) || result['value'] === undefined) return [];
  const pairs = listOf(example.value['params']).flatMap((item) => {
    const { value } = example.at(item);
    return isObject(value) && typeof value['name'] === 'string'
      ? [[value['name'], value['value']] as const]
      : [];
  });
  return [{ args: Object.fromEntries(pairs), result: result['value'] }];
}

/** A call's params by name, and their faults. A pointer is `/shelf`. */
export function readParams(
  { params, structure }: Method,
  given: JsonValue | undefined,
): { args: JsonObject; faults: Fault[] } {
  const args: JsonObject = {};
  const faults: Fault[] = [];
  const say = (pointer: string, detail: string): void => void faults.push({ pointer, detail });
  if (given !== undefined && (typeof given !== 'object' || given === null))
    say('', 'must be a list or an object');
  else if (Array.isArray(given)) {
    if (structure === 'by-name') say('', 'must be an object: the method takes its params by name');
    else if (given.length > params.length)
      say('', `has ${given.length} values, the method takes ${params.length}`);
    params.forEach(({ name }, index) => {
      const value = given[index];
      // A null before a later value means that the param is left out.
      if (value !== undefined && !(value === null && params[index]?.required === false)) args[name] = value;
    });
  } else if (given !== undefined) {
    if (structure === 'by-position' && Object.keys(given).length > 0)
      say('', 'must be a list: the method takes its params by position');
    for (const [name, value] of Object.entries(given)) {
      if (params.some((param) => param.name === name)) args[name] = value;
      else say(`/${name}`, 'is not known here');
    }
  }
  for (const { name, required, schema } of params) {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (value === undefined && required) say(`/${name}`, 'is missing');
    if (value === undefined) continue;
    for (const { pointer, detail } of faultsOf(value, schema)) say(`/${name}${pointer}`, detail);
  }
  return { args, faults };
}

/** The answer of a method before anything was changed: its example for these arguments, else its first example, else a value of its schema. */
export function freshResult({ examples, result, topic }: Method, args: JsonObject): JsonValue {
  if (result === undefined) return null;
  const text = JSON.stringify(args);
  const same = examples.find((example) => JSON.stringify(example.args) === text);
  if (same !== undefined) return same.result;
  const [first] = examples;
  if (first !== undefined && faultsOf(first.result, result, 'reply').length === 0) return first.result;
  // A setter that answers whether it did it has done it.
  if (topic.verb === 'set' && faultsOf(true, result, 'reply').length === 0) return true;
  return sampleOf(result);
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}
