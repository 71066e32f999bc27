import type { JsonObject, JsonValue } from '../../../common/json.ts';
import { decodeBits, decodeRegisters, encodeBits, encodeRegisters } from '../../../drivers/modbus/codec.ts';
import { formatDecimal } from '../../../drivers/modbus/decimal.ts';
import { isSerialLine, type Endpoint } from '../../../drivers/modbus/endpoint.ts';
import type { Storage } from '../../../drivers/modbus/request.ts';
import { ModbusStatus } from '../../../drivers/modbus/status.ts';
import { AppError } from '../../../errors.ts';
import { readDocument, type ModbusFunction } from '../read-document.ts';
import type { DeviceFault } from '../../../simulate/fault.ts';
import { listenTcp, listenUdp, type WireRequest } from './listen.ts';
import type { Simulated } from '../../../simulate/simulated.ts';
import { listenPty } from './pty.ts';
import { createModbusMemory } from './memory.ts';

export interface SimulateModbusOptions {
  /** 127.0.0.1 by default. */
  host?: string;
  /** Any free one by default. */
  port?: number;
  /** Values at the start, by the name of a function. */
  values?: Record<string, JsonValue>;
  /** On a pseudo terminal instead, for a document of type rtu or ascii: at this path, or (`true`) at one of its own. */
  pty?: boolean | string;
  /** Lets what can only be read wander inside its range; `true`: once a second. */
  drift?: boolean | { everyMs: number; random: () => number };
}

/** A simulated Modbus device. Its values have the name of the function that reads them (that writes them, where none reads). */
export interface SimulatedModbus extends Simulated {
  /** Its TCP or UDP port; 0 on a pseudo terminal, whose path is `server`. */
  url: { host: string; port: number };
  state(): Record<string, JsonValue>;
}

/**
 * Serves an OpenModbus document as a device on Modbus TCP (on UDP or as RTU over TCP, where the document says so): it has exactly the places
 * of the document, keeps what is written, and refuses values outside their ranges. Rejects with a SpecError for a
 * document that cannot be used, and when the port is taken. With `pty` it is at the end of a serial line (socat makes one),
 * where a unit that is not there says nothing.
 */
export async function simulateModbus(
  document: JsonObject,
  { host = '127.0.0.1', port = 0, values = {}, drift = false, pty = false }: SimulateModbusOptions = {},
): Promise<SimulatedModbus> {
  const { functions, server } = readDocument(document);
  const memory = createModbusMemory();
  const timers = new Set<NodeJS.Timeout>();
  let fault: DeviceFault | undefined;

  const put = (entry: ModbusFunction, value: JsonValue): void => {
    const { unit, storage, address } = entry;
    const [before = 0] = memory.get(unit, storage, address, 1);
    memory.set(unit, storage, address, encode(entry, value, before));
  };
  const find = (name: string): ModbusFunction => {
    const entry = functions.find((each) => each.name === name);
    if (entry === undefined) throw new AppError('not_found', `the device has no function ${name}`);
    return entry;
  };
  const valueOf = (entry: ModbusFunction): JsonValue =>
    decode(entry, memory.get(entry.unit, entry.storage, entry.address, entry.value.format.count));

  for (const entry of functions)
    memory.add(entry.unit, entry.storage, entry.address, entry.value.format.count);
  // What says least comes first: a place that is read and written starts as its write allows.
  const byMethod = functions.toSorted((a, b) => Number(a.method === 'write') - Number(b.method === 'write'));
  for (const entry of byMethod) {
    const start = startValue(entry);
    if (start !== undefined) put(entry, start);
  }
  for (const [name, value] of Object.entries(values)) put(find(name), value);

  /** Exception 3 where a value written as a whole does not fit its function; a request may write several. */
  const permit = (
    unit: number,
    storage: Storage,
    address: number,
    words: readonly number[],
  ): number | undefined => {
    const refused = functions.some((entry) => {
      const from = entry.address - address;
      const { count } = entry.value.format;
      return (
        entry.method === 'write' &&
        entry.unit === unit &&
        entry.storage === storage &&
        from >= 0 &&
        from + count <= words.length &&
        !fits(entry, words.slice(from, from + count))
      );
    });
    return refused ? ModbusStatus.ILLEGAL_DATA_VALUE : undefined;
  };
  const silent = pty !== false || (server.endpoint.type === 'tcp' && isSerialLine(server.endpoint));
  const answer = (request: WireRequest): void => {
    const reply = memory.answer(request.unit, request.pdu, (...write) => permit(request.unit, ...write));
    if (reply !== undefined) request.reply(reply);
    // As a gateway does for a unit that is not there.
    else if (!silent)
      request.reply(Buffer.of((request.pdu[0] ?? 0) | 0x80, ModbusStatus.GATEWAY_TARGET_SILENT));
  };
  const receive = (request: WireRequest): void => {
    if (fault === undefined) return answer(request);
    if (fault.kind === 'exception') request.reply(Buffer.of((request.pdu[0] ?? 0) | 0x80, fault.code));
    else if (fault.kind === 'garbage') request.raw(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    else if (fault.kind === 'delay') {
      const timer = setTimeout(() => {
        timers.delete(timer);
        answer(request);
      }, fault.ms);
      timers.add(timer);
    }
  };

  const listener = await listen(server.endpoint, { host, port, pty }, receive);
  const wander = drift === true ? { everyMs: 1000, random: Math.random } : drift;
  const shown = functions.filter((entry) => entry.method === 'read' || !isReadToo(entry, functions));
  const clock =
    wander === false
      ? undefined
      : setInterval(() => {
          for (const entry of functions) {
            const next = drifted(entry, valueOf(entry), wander.random());
            if (next !== undefined) put(entry, next);
          }
        }, wander.everyMs);

  return {
    url: { host, port: listener.port },
    server: listener.server,
    exceptionCodes: [1, 255],
    state: () => Object.fromEntries(shown.map((entry) => [entry.name, valueOf(entry)])),
    value(name) {
      const entry = functions.find((each) => each.name === name);
      return entry === undefined ? undefined : valueOf(entry);
    },
    set: (name, value) => put(find(name), value),
    fault: (next) => void (fault = next),
    async close() {
      clearInterval(clock);
      for (const timer of timers) clearTimeout(timer);
      await listener.close();
    },
  };
}

async function listen(
  { type, framing }: Endpoint,
  { host, port, pty }: { host: string; port: number; pty: boolean | string },
  receive: (request: WireRequest) => void,
): Promise<{ server: string; port: number; close(): Promise<void> }> {
  if (pty !== false) {
    if (type !== 'serial')
      throw new AppError('invalid_request', 'a pty is for a document of type rtu or ascii');
    const line = await listenPty(framing, receive, pty === true ? undefined : pty);
    return { server: line.path, port: 0, close: () => line.close() };
  }
  const listener =
    type === 'udp'
      ? await listenUdp(host, port, receive)
      : await listenTcp(host, port, type === 'tcp' ? framing : 'mbap', receive);
  const server = `${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
  return { server, port: listener.port, close: () => listener.close() };
}

function inCoils({ storage }: ModbusFunction): boolean {
  return storage === 'coils' || storage === 'discreteInput';
}

function encode(entry: ModbusFunction, value: JsonValue, before: number): number[] {
  const { format } = entry.value;
  if (inCoils(entry)) return encodeBits(format, value).map(Number);
  return encodeRegisters(format, value, before);
}

function decode(entry: ModbusFunction, words: readonly number[]): JsonValue {
  const { format } = entry.value;
  if (!inCoils(entry)) return decodeRegisters(format, words);
  return decodeBits(format, words.map(Boolean));
}

function fits(entry: ModbusFunction, words: readonly number[]): boolean {
  try {
    encode(entry, decode(entry, words), words[0] ?? 0);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** The middle of a value's range, else the first of its texts; undefined where 0 is as good as anything. */
function startValue({ value: { format } }: ModbusFunction): JsonValue | undefined {
  const { min, max, texts, length } = format;
  const limits = [min, max]
    .filter((limit) => limit !== undefined)
    .map((limit) => Number(formatDecimal(limit)));
  const [first] = texts?.values() ?? [];
  const middle = limits.reduce((sum, limit) => sum + limit, 0) / limits.length;
  const single =
    first ?? (limits.length === 0 ? undefined : format.scaling.identity ? Math.round(middle) : middle);
  return single === undefined || length === undefined ? single : Array.from({ length }, () => single);
}

/** The next value of what can only be read and has a range; undefined for all else. */
function drifted({ storage, value }: ModbusFunction, now: JsonValue, random: number): number | undefined {
  const { min, max, scaling } = value.format;
  if (storage !== 'inputRegisters' || typeof now !== 'number' || min === undefined || max === undefined) {
    return undefined;
  }
  const [low, high] = [Number(formatDecimal(min)), Number(formatDecimal(max))];
  const next = now + (random - 0.5) * (value.step ?? (high - low) / 50) * 2;
  const whole = scaling.identity ? Math.round(next) : next;
  return Math.min(high, Math.max(low, whole));
}

function isReadToo(write: ModbusFunction, functions: readonly ModbusFunction[]): boolean {
  return functions.some(
    ({ method, unit, storage, address }) =>
      method === 'read' && unit === write.unit && storage === write.storage && address === write.address,
  );
}
