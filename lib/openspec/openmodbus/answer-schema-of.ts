import type { JsonSchema } from '../../core/tool.ts';
import { numberTypes } from '../../drivers/modbus/registers.ts';
import type { Value } from './read-value.ts';
import { describeValue } from './value-schema.ts';

/**
 * The JSON Schema of a value as a device answers it. It has no limits: `min` and `max` bind the writes of this server, and a device
 * may hold any raw value.
 */
export function answerSchemaOf(value: Value): JsonSchema {
  const { length } = value.format;
  const about = describeValue(value);
  const description = about === '' ? {} : { description: about };
  const single = { type: typesOf(value.format) };
  if (length === undefined) return { ...single, ...description };
  return { type: 'array', items: single, minItems: length, maxItems: length, ...description };
}

/** The JSON types that the codec makes of a raw value. */
function typesOf({ type, texts, scaling, nullValue }: Value['format']): string | string[] {
  if (type === 'bool') return 'boolean';
  if (type === 'string') return 'string';
  const { integer } = numberTypes[type];
  const isWide = type === 'int64' || type === 'uint64';
  // A number that JSON would round is a decimal text, and so is a raw value with a word of its own.
  const isText = texts !== undefined || isWide || (!scaling.identity && scaling.small === undefined);
  const types = [
    integer && scaling.identity ? 'integer' : 'number',
    ...(integer && isText ? ['string'] : []),
    ...(integer && nullValue === undefined ? [] : ['null']), // a float may be infinite or no number
  ];
  return types.length === 1 ? types[0]! : types;
}
