import { isObject, type JsonObject } from '../../common/json.ts';
import { readLimits } from '../../drivers/modbus/coalesce.ts';
import { isSerialLine } from '../../drivers/modbus/endpoint.ts';
import type { Risk } from '../../core/message.ts';
import type { Storage } from '../../drivers/modbus/request.ts';
import { SpecError } from '../../errors.ts';
import { createFields, type Fields, type Findings } from './fields.ts';
import { manualHintOf } from './manual-address.ts';
import { callDeadlineMs, readServer, type ServerSettings } from './read-server.ts';
import { readValue, type Value } from './read-value.ts';

/** One entry of `functions`: the place of a value, and its format. */
export interface ModbusFunction {
  /** Unique in the document; it is the tool's name too. */
  readonly name: string;
  readonly description: string;
  readonly method: 'read' | 'write';
  /** `slaveId` of the document: 0 to 255, on serial lines 0 to 247, where 0 means all units. */
  readonly unit: number;
  readonly storage: Storage;
  /** The protocol's address, from 0. The numbers 40001 and the like of manuals count from 1. */
  readonly address: number;
  readonly value: Value;
  /** In ms, for each reply. */
  readonly timeout: number;
  /** A write's function code. */
  readonly writeFunction: 5 | 6 | 15 | 16 | undefined;
  /** The written value is read back. */
  readonly verify: boolean;
  /** `high` also for `confirm: true`: a human has to approve the call. */
  readonly risk: Risk | undefined;
}

/** An OpenModbus document, checked. */
interface ModbusDocument {
  readonly title: string;
  readonly server: ServerSettings;
  readonly functions: readonly ModbusFunction[];
  readonly warnings: readonly string[];
}

/** [Modbus Application Protocol 1.1b3, 6.1 to 6.4]. */
const readFunctions = { coils: 1, discreteInput: 2, holdingRegisters: 3, inputRegisters: 4 } as const;
/** The names of storages; some authors write the second one in the plural. */
const storages = ['coils', 'discreteInput', 'discreteInputs', 'inputRegisters', 'holdingRegisters'] as const;

/** The function code that reads a storage. */
export function readFunctionOf(storage: Storage): 1 | 2 | 3 | 4 {
  return readFunctions[storage];
}

/** Reads a document; throws a SpecError with every fault by JSON pointer. */
export function readDocument(document: JsonObject): ModbusDocument {
  const findings: Findings = { faults: [], warnings: [] };
  const root = createFields(document, '', findings);
  const version = root.text('openmodbus');
  if (version?.startsWith('1.') !== true) root.coded('openmodbus', 'must_be', { wanted: 'a version 1.x.y' });
  const info = root.object('info');
  const title = info?.text('title') ?? 'Modbus device';
  const server = readServer(root);
  const list = root.get('functions');
  const functions: ModbusFunction[] = [];
  const names = new Map<string, number>();
  if (!Array.isArray(list)) root.coded('functions', 'must_be', { wanted: 'an array' });
  else {
    list.forEach((entry, index) => {
      if (!isObject(entry)) return root.coded(`functions/${index}`, 'must_be', { wanted: 'an object' });
      const fields = createFields(entry, `/functions/${index}`, findings);
      checkName(fields, names, index);
      const read = readFunction(fields, server);
      if (read !== undefined) functions.push(read);
      return undefined;
    });
    if (list.length === 0) root.warn('the document has no functions');
  }
  root.finish(['$schema']); // an editor's key
  const { faults, warnings } = findings;
  // All faults come at once, so that an author need not send the document again and again.
  if (faults.length > 0 || server === undefined) {
    const [first] = faults;
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
    throw new SpecError(
      `The OpenModbus document cannot be used: ${first?.pointer} ${first?.detail}${more}`,
      faults,
    );
  }
  return { title, server, functions, warnings };
}

/** Notes a fault for a name that no tool may have, and for a name that two functions have. */
function checkName(fields: Fields, names: Map<string, number>, index: number): void {
  const name = fields.text('name');
  if (name === undefined || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    fields.coded('name', 'must_be', { wanted: '1 to 64 letters, digits, _ or -' });
    return;
  }
  const first = names.get(name);
  if (first === undefined) names.set(name, index);
  else fields.fault('name', `${name} is the name of /functions/${first} too`);
}

/** Reads one function; undefined when a fault makes the rest meaningless. */
function readFunction(fields: Fields, server: ServerSettings | undefined): ModbusFunction | undefined {
  const method = fields.choice('method', ['read', 'write']);
  if (!fields.has('method')) fields.coded('method', 'missing_wanted', { wanted: 'read or write' });
  const path = fields.object('path');
  if (!fields.has('path')) fields.coded('path', 'missing');
  const timeout = fields.integer('timeout', { min: 1, max: 86_400_000 }) ?? server?.timeout ?? 3000;
  if (timeout > callDeadlineMs) fields.warn(`timeout: a call ends after ${callDeadlineMs} ms in any case`);
  const verify = fields.flag('verify');
  const said = fields.choice('x-lite-agent-risk', ['low', 'normal', 'high']);
  // `confirm` asks for a person. A milder risk beside it changes nothing.
  const risk = fields.flag('confirm') ? 'high' : said;
  const wanted = fields.choice('writeFunction', ['auto', 5, 6, 15, 16]) ?? 'auto';
  const description = fields.text('description') ?? '';
  const name = fields.text('name') ?? '';
  if (method === undefined || path === undefined) return undefined;

  const place = readPlace(path, server);
  const part = method === 'write' ? 'parameter' : 'return';
  const valueFields = fields.object(part);
  if (!fields.has(part)) fields.coded(part, 'missing_for', { other: `a ${method}` });
  fields.finish(['parameter', 'return']);
  if (valueFields === undefined || place.storage === undefined) return undefined;
  const { storage, unit, address } = place;
  const inCoils = storage === 'coils' || storage === 'discreteInput';
  const value = readValue(valueFields, path, inCoils);
  path.finish();
  if (value === undefined) return undefined;

  const { count } = value.format;
  checkExtent(path, method, storage, address, count);
  let writeFunction: ModbusFunction['writeFunction'];
  if (method === 'write') {
    if (storage === 'discreteInput' || storage === 'inputRegisters') {
      path.fault('storage', `${storage} can only be read`);
    }
    // One value goes by the function for one: 5 or 6.
    writeFunction = wanted === 'auto' ? (inCoils ? (count === 1 ? 5 : 15) : count === 1 ? 6 : 16) : wanted;
    checkWriteFunction(fields, writeFunction, inCoils, count);
  }
  if (unit === undefined || address === undefined) return undefined;
  if (verify && unit === 0 && server !== undefined && isSerialLine(server.endpoint)) {
    fields.warn('verify: a broadcast cannot be read back');
  }
  return {
    name,
    description,
    method,
    unit,
    storage,
    address,
    value,
    timeout,
    writeFunction,
    verify,
    risk,
  };
}

/** Reads `path`: the unit, the storage and the address. */
function readPlace(
  path: Fields,
  server: ServerSettings | undefined,
): { unit: number | undefined; storage: Storage | undefined; address: number | undefined } {
  for (const name of ['slaveId', 'storage', 'address']) {
    if (!path.has(name)) path.coded(name, 'missing');
  }
  const serial = server !== undefined && isSerialLine(server.endpoint);
  const unit = path.integer('slaveId', { min: 0, max: serial ? 247 : 255 });
  const named = path.choice('storage', storages);
  const storage = named === 'discreteInputs' ? 'discreteInput' : named;
  const hint = manualHintOf(path.get('address'), storage);
  const address = path.integer('address', { min: 0, max: 65535, hint });
  // The device would be asked for another register.
  if (address !== undefined && hint !== undefined)
    path.warn(`address: ${hint.written} looks like a number of a manual, which is ${hint.place}`);
  return { unit, storage, address };
}

/** Notes a fault for a place that one request cannot read or write [Modbus Application Protocol 1.1b3, 6]. */
function checkExtent(
  path: Fields,
  method: 'read' | 'write',
  storage: Storage,
  address: number | undefined,
  count: number,
): void {
  const inCoils = storage === 'coils' || storage === 'discreteInput';
  const limit = method === 'read' ? readLimits[readFunctionOf(storage)] : inCoils ? 1968 : 123;
  const things = inCoils ? 'bits' : 'registers';
  if (count > limit) path.fault('count', `a ${method} of ${count} ${things} is over the limit of ${limit}`);
  if (address !== undefined && address + count - 1 > 65535) {
    path.fault('address', `${address} and ${count} ${things} reach beyond 65535`);
  }
}

/** Notes a fault for a function code that does not write this storage or so many values. */
function checkWriteFunction(fields: Fields, fc: 5 | 6 | 15 | 16, inCoils: boolean, count: number): void {
  if (inCoils !== (fc === 5 || fc === 15)) {
    fields.fault('writeFunction', `${fc} does not write ${inCoils ? 'coils' : 'registers'}`);
  } else if (count > 1 && (fc === 5 || fc === 6)) {
    fields.fault('writeFunction', `${fc} writes one ${inCoils ? 'coil' : 'register'}, not ${count}`);
  }
}
