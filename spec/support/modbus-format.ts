import { parseDecimal } from '../../lib/drivers/modbus/decimal.ts';
import type { ValueFormat } from '../../lib/drivers/modbus/codec.ts';
import { sizeOf } from '../../lib/drivers/modbus/codec.ts';
import { createScaling } from '../../lib/drivers/modbus/scaling.ts';

/** A format for specs: a plain uint16 but for what is given; multiplier and offset as a document writes them. */
export function makeFormat(
  given: Partial<ValueFormat> & { multiplier?: number; offset?: number } = {},
): ValueFormat {
  const { multiplier = 1, offset = 0, ...format } = given;
  const decimal = (value: number) => {
    const parsed = parseDecimal(value);
    if (parsed === undefined) throw new Error(`${value} is no decimal`);
    return parsed;
  };
  const type = format.type ?? 'uint16';
  return {
    type,
    byteOrder: 'ABCD',
    scaling: createScaling(decimal(multiplier), decimal(offset)),
    count: sizeOf(type) * (format.length ?? 1),
    length: undefined,
    bit: undefined,
    texts: undefined,
    encoding: 'utf8',
    nullValue: undefined,
    min: undefined,
    max: undefined,
    ...format,
  };
}
