import { storageOf, type Storage } from '../../../drivers/modbus/request.ts';
import { ModbusStatus } from '../../../drivers/modbus/status.ts';

/** The values of one storage by address. */
type Table = Map<number, number>;

/** The memory of a simulated Modbus device: only the places that were added exist. A coil is 0 or 1. */
interface ModbusMemory {
  /** Makes a place exist, with 0 in it. */
  add(unit: number, storage: Storage, address: number, count: number): void;
  /** The values of places; 0 for a place that does not exist. */
  get(unit: number, storage: Storage, address: number, count: number): number[];
  /** Puts values into places, without a check. */
  set(unit: number, storage: Storage, address: number, values: readonly number[]): void;
  /**
   * Answers a request (function and data) as a device does [Modbus Application Protocol 1.1b3, 6]: the reply's function
   * and data; undefined for a unit that does not exist. `permit` may refuse a write with an exception code.
   */
  answer(
    unit: number,
    pdu: Buffer,
    permit: (storage: Storage, address: number, values: readonly number[]) => number | undefined,
  ): Buffer | undefined;
}

/** The most values that one request may have, by function code [Modbus Application Protocol 1.1b3, 6]. */
const mostOf: Record<number, number> = { 1: 2000, 2: 2000, 3: 125, 4: 125, 15: 1968, 16: 123 };

/** An empty memory. */
export function createModbusMemory(): ModbusMemory {
  const units = new Map<number, Map<Storage, Table>>();

  const tableOf = (unit: number, storage: Storage): Table => {
    const tables = units.get(unit) ?? new Map<Storage, Table>();
    units.set(unit, tables);
    const table = tables.get(storage) ?? new Map<number, number>();
    tables.set(storage, table);
    return table;
  };
  const get = (unit: number, storage: Storage, address: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => tableOf(unit, storage).get(address + index) ?? 0);
  const set = (unit: number, storage: Storage, address: number, values: readonly number[]): void =>
    values.forEach((value, index) => tableOf(unit, storage).set(address + index, value));

  return {
    get,
    set,
    add(unit, storage, address, count) {
      const table = tableOf(unit, storage);
      for (let at = address; at < address + count; at++) if (!table.has(at)) table.set(at, 0);
    },
    answer(unit, pdu, permit) {
      // Nobody is there: the caller decides whether a gateway answers instead.
      if (!units.has(unit)) return undefined;
      const fc = pdu[0] ?? 0;
      const refuse = (code: number): Buffer => Buffer.of(fc | 0x80, code);
      const storage = storageOf(fc);
      if (storage === undefined) return refuse(ModbusStatus.ILLEGAL_FUNCTION);
      if (pdu.length < 5) return refuse(ModbusStatus.ILLEGAL_DATA_VALUE);
      const address = pdu.readUInt16BE(1);
      const values = fc > 4 ? writtenBy(fc, pdu) : undefined;
      // The checks come in the order of the specification: function, count, address, value.
      const count = values?.length ?? pdu.readUInt16BE(3);
      if (fc > 4 ? values === undefined : count < 1 || count > (mostOf[fc] ?? 0))
        return refuse(ModbusStatus.ILLEGAL_DATA_VALUE);
      const table = tableOf(unit, storage);
      for (let at = address; at < address + count; at++)
        if (!table.has(at)) return refuse(ModbusStatus.ILLEGAL_DATA_ADDRESS);
      if (values === undefined) return readReply(fc, get(unit, storage, address, count));
      const refused = permit(storage, address, values);
      if (refused !== undefined) return refuse(refused);
      set(unit, storage, address, values);
      // The answer to a write repeats its head: the address with the value or the count.
      return pdu.subarray(0, 5);
    },
  };
}

/** The values a write carries; undefined when it is malformed. */
function writtenBy(fc: number, pdu: Buffer): number[] | undefined {
  const second = pdu.readUInt16BE(3);
  if (fc === 6) return [second];
  // FC 5 knows two values, and no others [Modbus Application Protocol 1.1b3, 6.5].
  if (fc === 5) return second === 0xff00 ? [1] : second === 0 ? [0] : undefined;
  // Functions 15 and 16: the count of bytes is in the sixth byte, and the values follow.
  const bytes = pdu.subarray(6);
  const length = fc === 15 ? Math.ceil(second / 8) : second * 2;
  if (second < 1 || second > (mostOf[fc] ?? 0) || bytes.length !== length || pdu[5] !== length)
    return undefined;
  return Array.from({ length: second }, (_, index) =>
    fc === 15 ? ((bytes[index >> 3] ?? 0) >> (index & 7)) & 1 : bytes.readUInt16BE(index * 2),
  );
}

/** The function and data of a read's answer: bits are packed, the first one lowest. */
function readReply(fc: number, values: readonly number[]): Buffer {
  const data = Buffer.alloc(fc <= 2 ? Math.ceil(values.length / 8) : values.length * 2);
  values.forEach((value, index) => {
    if (fc > 2) data.writeUInt16BE(value, index * 2);
    else data[index >> 3] = (data[index >> 3] ?? 0) | (value << (index & 7));
  });
  return Buffer.concat([Buffer.of(fc, data.length), data]);
}
