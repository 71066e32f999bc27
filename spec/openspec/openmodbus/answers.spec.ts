import { Ajv } from 'ajv';
import { expect } from 'chai';
import fc from 'fast-check';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { Tool } from '../../../lib/core/tool.ts';
import { decodeBits, decodeRegisters } from '../../../lib/drivers/modbus/codec.ts';
import type { Egress } from '../../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import { deviceAnswer } from '../../../lib/openspec/device-answer.ts';
import { openmodbus } from '../../../lib/openspec/openmodbus/openmodbus.ts';
import { readDocument } from '../../../lib/openspec/openmodbus/read-document.ts';
import { answerSchemaOf } from '../../../lib/openspec/openmodbus/answer-schema-of.ts';
import { simulateModbus } from '../../../lib/openspec/openmodbus/simulator/simulate-modbus.ts';
import { callTool } from '../../support/modbus-call.ts';
import { documentOf, functionOf } from '../../support/modbus-document.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';

const ajv = new Ajv({ allowUnionTypes: true });
const multipliers = fc.constantFrom<unknown>(undefined, 0.1, 2, 1e-9, '0.000000000000000001');
const integers = fc.record({
  type: fc.constantFrom('int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'),
  multiplier: multipliers,
  enum: fc.constantFrom(undefined, { '0': 'off', '1': 'on' }),
  nullValue: fc.constantFrom(undefined, 0),
});
const floats = fc.record({ type: fc.constantFrom('float32', 'float64'), multiplier: multipliers });
const plain = fc.record({ type: fc.constantFrom('bool', 'string') });
const coils = fc.record({ type: fc.constant('bool'), coils: fc.constant(true) });

/** One read of a value, somewhere in a device of its own, also of several values in a row. */
const functions = fc
  .tuple(fc.oneof(integers, floats, plain, coils), fc.integer({ min: 1, max: 3 }))
  .map(([value, times]): JsonObject => {
    const { coils: inCoils, ...given } = value as JsonObject;
    const known = JSON.parse(JSON.stringify({ ...given, uom: 'kWh' })) as JsonObject;
    const sizes: Record<string, number> = {
      int32: 2,
      uint32: 2,
      float32: 2,
      int64: 4,
      uint64: 4,
      float64: 4,
    };
    const type = String(given['type']);
    const isOne = type === 'bool' && inCoils !== true;
    const count = isOne ? 1 : (sizes[type] ?? 1) * times;
    const storage = inCoils === true ? 'coils' : 'holdingRegisters';
    return functionOf({ value: known, path: { storage, count } });
  });

describe('the answer of an OpenModbus tool', () => {
  let egress: Egress;
  let driver: ModbusDriver;
  before(() => {
    egress = openLocalEgress();
    driver = openModbus({ egress });
  });
  after(async () => {
    await driver.close();
    await egress.close();
  });
  const toolOf = async (document: JsonObject): Promise<Tool> => {
    const spec = await openmodbus(driver).compile(document, {});
    spec.close?.();
    return spec.tools[0]!;
  };

  it('has the shape that the tool says, whatever its registers and coils hold', () => {
    const words = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(functions, words, (entry, held) => {
        const [{ value, storage }] = readDocument(documentOf([entry])).functions as [
          ReturnType<typeof readDocument>['functions'][number],
        ];
        const { count } = value.format;
        const answer =
          storage === 'coils'
            ? decodeBits(
                value.format,
                held.slice(0, count).map((word) => word > 9),
              )
            : decodeRegisters(value.format, held.slice(0, count));
        const schema = answerSchemaOf(value);
        expect(ajv.validate(schema, answer), JSON.stringify({ schema, answer })).to.equal(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('has that shape on the simulator of the document, for reads and for writes', async () => {
    await fc.assert(
      fc.asyncProperty(functions, async (read) => {
        const document = documentOf([read]);
        const device = await simulateModbus(document, {});
        try {
          const connection = { server: device.server };
          const tool = await toolOf(document);
          const result = await callTool(tool, {}, { connection });
          const answer = deviceAnswer(result);
          expect(ajv.validate(tool.answer!, answer), JSON.stringify({ result, tool })).to.equal(true);
          const { return: parameter, ...rest } = read;
          const write = await toolOf(documentOf([{ ...rest, method: 'write', parameter: parameter! }]));
          const written = await callTool(write, { value: answer! }, { connection });
          if (written['error'] !== undefined) return;
          expect(ajv.validate(write.answer!, deviceAnswer(written)), JSON.stringify(written)).to.equal(true);
        } finally {
          await device.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});
