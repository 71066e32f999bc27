import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { isObject } from '../../lib/common/json.ts';

/**
 * What a model API would refuse in a tool's parameters: a root that is no plain object, lists without `items`, refs that
 * lead nowhere, argument names it does not take. Empty when all is well.
 */
export function modelFaults(parameters: JsonObject): string[] {
  const faults: string[] = [];
  if (parameters['type'] !== 'object') faults.push('the root is no object');
  if (!isObject(parameters['properties'])) faults.push('the root has no properties');
  for (const key of ['anyOf', 'oneOf', 'allOf', 'not', 'enum', '$ref']) {
    if (parameters[key] !== undefined) faults.push(`the root has ${key}`);
  }
  const definitions = isObject(parameters['$defs']) ? parameters['$defs'] : {};
  const names = Object.keys(isObject(parameters['properties']) ? parameters['properties'] : {});
  for (const name of names) if (!/^[a-zA-Z0-9_.-]{1,64}$/.test(name)) faults.push(`the name ${name}`);
  const visit = (schema: JsonValue | undefined, pointer: string): void => {
    if (!isObject(schema)) {
      if (typeof schema !== 'boolean' || !pointer.endsWith('/additionalProperties'))
        faults.push(`${pointer} is no schema`);
      return;
    }
    const { $ref, type, items } = schema;
    if (typeof $ref === 'string' && !Object.hasOwn(definitions, $ref.replace(/^#\/\$defs\//, ''))) {
      faults.push(`${pointer} refers to ${$ref}`);
    }
    if ((type === 'array' || (Array.isArray(type) && type.includes('array'))) && !isObject(items)) {
      faults.push(`${pointer} has no items`);
    }
    for (const key of ['items', 'additionalProperties']) {
      if (schema[key] !== undefined) visit(schema[key], `${pointer}/${key}`);
    }
    for (const key of ['properties', '$defs']) {
      const inner = schema[key];
      if (isObject(inner))
        for (const name of Object.keys(inner)) visit(inner[name], `${pointer}/${key}/${name}`);
    }
    for (const key of ['anyOf', 'oneOf', 'allOf']) {
      const inner = schema[key];
      if (Array.isArray(inner)) inner.forEach((part, index) => visit(part, `${pointer}/${key}/${index}`));
    }
  };
  visit(parameters, '');
  return faults;
}
