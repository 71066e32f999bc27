import type { Egress } from '../../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../../lib/drivers/modbus/modbus.ts';
import { openmodbus } from '../../../lib/openspec/openmodbus/openmodbus.ts';
import { describeOpenspecKind } from '../../contracts/openspec-kind.ts';
import { documentOf, functionOf } from '../../support/modbus-document.ts';
import { openLocalEgress } from '../../support/modbus-egress.ts';

describe('openmodbus', () => {
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

  const types = ['int16', 'uint32', 'int64', 'uint64', 'float32', 'float64', 'bool'];
  describeOpenspecKind('openmodbus', {
    open: () => openmodbus(driver),
    documents: {
      'a document with every type': documentOf([
        ...types.flatMap((type) => [
          functionOf({ name: `get_${type}`, value: { type } }),
          functionOf({ name: `set_${type}`, method: 'write', value: { type } }),
        ]),
        functionOf({ name: 'text', method: 'write', value: { type: 'string' }, path: { count: 8 } }),
        functionOf({ name: 'mode', method: 'write', value: { enum: { '1': 'low', '2': 'high' } } }),
        functionOf({ name: 'row', method: 'write', path: { count: 4 }, value: { multiplier: 0.1 } }),
        functionOf({ name: 'chinese', method: 'write', value: { name: '目标温度' } }),
      ]),
      'a document of a serial line': documentOf([functionOf()], {}, 'rtu'),
      'a document with an odd count': documentOf([
        functionOf({ value: { type: 'int32' }, path: { count: 1 } }),
      ]),
    },
    empty: documentOf([]),
    unusable: {
      'a document without functions': { openmodbus: '1.0.0', server: documentOf([])['server'] },
      'a document without a server': { openmodbus: '1.0.0', functions: [] },
      'a document with one bad function': documentOf([
        functionOf(),
        functionOf({ name: 'b', path: { address: -1 } }),
      ]),
    },
    foreign: { 'an OpenAPI document': { openapi: '3.0.0' }, 'an OpenRPC document': { openrpc: '1.2.6' } },
  });
});
