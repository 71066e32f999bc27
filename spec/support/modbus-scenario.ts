import { expect } from 'chai';
import { isObject, type JsonObject, type JsonValue } from '../../lib/common/json.ts';
import type { Connection, Tool } from '../../lib/core/tool.ts';
import { openModbus } from '../../lib/drivers/modbus/modbus.ts';
import { openmodbus } from '../../lib/openspec/openmodbus/openmodbus.ts';
import { callTool } from './modbus-call.ts';
import { documentOf, functionOf } from './modbus-document.ts';
import { openLocalEgress } from './modbus-egress.ts';
import { startModbusFake, type ModbusFake } from './modbus-fake.ts';

/** A session with a device, for one scenario. */
export interface ScenarioWorld {
  readonly fake: ModbusFake;
  /** Calls a tool in the session, or in another one. */
  call(name: string, args?: JsonObject, connection?: Connection, signal?: AbortSignal): Promise<JsonObject>;
  /** Another session with the same device. */
  newSession(): Connection;
  /** Stops the device: nobody listens at its port. */
  stopDevice(): Promise<void>;
  /** Starts the device again at the same port. */
  startDevice(): Promise<void>;
  close(): Promise<void>;
}

const bits = { type: 'bool' };

/** The tools of a scenario: `r0` to `r9` are single registers that hold their own addresses. */
const functions: JsonObject[] = [
  ...Array.from({ length: 10 }, (_, address) => functionOf({ name: `r${address}`, path: { address } })),
  functionOf({ name: 'measured', path: { storage: 'inputRegisters', address: 3 } }),
  functionOf({ name: 'coil', value: bits, path: { storage: 'coils', address: 3 } }),
  functionOf({ name: 'input', value: bits, path: { storage: 'discreteInput', address: 4 } }),
  functionOf({ name: 'registers', path: { address: 100, count: 125 } }),
  functionOf({ name: 'bits', value: bits, path: { storage: 'coils', address: 0, count: 2000 } }),
  functionOf({ name: 'set', method: 'write', path: { address: 50 } }),
  functionOf({ name: 'set_coil', method: 'write', value: bits, path: { storage: 'coils', address: 3 } }),
  functionOf({ name: 'set_registers', method: 'write', path: { address: 100, count: 123 } }),
  functionOf({ name: 'set_bits', method: 'write', value: bits, path: { storage: 'coils', count: 1968 } }),
];

/** Opens a driver, a document and a device that answers well. `config` is added to the document's server. */
export async function openScenario(config: JsonObject = {}): Promise<ScenarioWorld> {
  const egress = openLocalEgress();
  const driver = openModbus({ egress });
  let fake = await startModbusFake();
  const { port } = fake;
  const document = documentOf(functions, { timeout: 100, retries: 1, ...config });
  const { tools } = await openmodbus(driver).compile(document, {});
  const byName = new Map<string, Tool>(tools.map((tool) => [tool.name, tool]));
  const newSession = (): Connection => ({ server: `127.0.0.1:${port}` });
  const own = newSession();
  return {
    get fake() {
      return fake;
    },
    newSession,
    call: (name, args = {}, connection = own, signal = new AbortController().signal) =>
      callTool(byName.get(name), args, { connection, signal }),
    stopDevice: () => fake.close(),
    async startDevice() {
      fake = await startModbusFake(port);
    },
    async close() {
      await driver.close();
      await fake.close();
      await egress.close();
    },
  };
}

/** Expects a right value, and nothing that looks like an error. */
export function expectValue(result: JsonObject, value: JsonValue): void {
  expect(result).to.deep.include({ statusCode: 0, value });
  expect(result).to.not.have.property('error');
}

/** Expects a clear error: its code, whether the device may be changed, and a detail that names the device. */
export function expectError(result: JsonObject, codes: readonly string[], effect: 'none' | 'unknown'): void {
  const { error, value, statusCode } = result;
  if (!isObject(error)) throw new Error(`no error: ${JSON.stringify(result)}`);
  expect(error['code']).to.be.oneOf([...codes]);
  expect([value, error['effect']]).to.deep.equal([null, effect]);
  expect(statusCode).to.be.a('number').that.is.above(0);
  expect(error['detail']).to.be.a('string').that.contains('127.0.0.1:');
  // A person who reads it must know what to do about a write of which nothing is known.
  if (effect === 'unknown') expect(error['detail']).to.contain('read the value before repeating the write');
}
