import { mapBigints } from '../../common/exact-numbers.ts';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import type { CallContext, Connection, Tool } from '../../core/tool.ts';
import { decodeBits, decodeRegisters } from '../../drivers/modbus/codec.ts';
import {
  endpointName,
  isSerialLine,
  locate,
  relocate,
  type Endpoint,
} from '../../drivers/modbus/endpoint.ts';
import type { BusCall } from '../../drivers/modbus/job.ts';
import type { ModbusDriver } from '../../drivers/modbus/modbus.ts';
import { isRead, ModbusError, type ModbusReply, type ModbusRequest } from '../../drivers/modbus/request.ts';
import { ModbusStatus, type StatusCode } from '../../drivers/modbus/status.ts';
import { AppError, messageOf } from '../../errors.ts';
import { answerSchemaOf } from './answer-schema-of.ts';
import type { ModbusFunction } from './read-document.ts';
import { callDeadlineMs, type ServerSettings } from './read-server.ts';
import { keyOf, previewFunction, readRequest, writeRequest } from './requests.ts';
import { errorResult, readResult, writeResult } from './result.ts';
import { describeValue, schemaOf } from './value-schema.ts';

/** The fate of a call that was refused here: no byte has left. */
const untouched = { sent: false, unknown: false };

/** After these exceptions the device has surely not carried the request out [Modbus Application Protocol 1.1b3, 7]. */
const refusals: ReadonlySet<StatusCode> = new Set([
  ModbusStatus.ILLEGAL_FUNCTION,
  ModbusStatus.ILLEGAL_DATA_ADDRESS,
  ModbusStatus.ILLEGAL_DATA_VALUE,
  ModbusStatus.DEVICE_BUSY,
  ModbusStatus.NEGATIVE_ACKNOWLEDGMENT,
  ModbusStatus.MEMORY_PARITY_ERROR,
  ModbusStatus.GATEWAY_PATH_UNAVAILABLE,
]);

/**
 * The endpoint that the calls of a session go to: the document's own, or the `server` of the session. The function throws an
 * AppError for a `server` that is no address. It remembers the endpoint of each connection, since every call asks for it.
 */
export function endpointsOf(own: Endpoint): (connection: Connection) => Endpoint {
  const others = new WeakMap<Connection, Endpoint>();
  return (connection) => {
    if (connection.server === undefined) return own;
    let endpoint = others.get(connection);
    if (endpoint === undefined) others.set(connection, (endpoint = relocate(own, connection.server)));
    return endpoint;
  };
}

/** The tool of one function of a document. */
export function createModbusTool(
  driver: ModbusDriver,
  server: ServerSettings,
  endpointOf: (connection: Connection) => Endpoint,
  entry: ModbusFunction,
): Tool {
  const { name, value } = entry;
  const key = keyOf(value);
  const write = entry.method === 'write';
  const carry = write ? carryWrite : carryRead;

  return {
    name,
    description: describe(entry),
    parameters: {
      type: 'object',
      properties: write ? { [key]: schemaOf(value) } : {},
      ...(write ? { required: [key] } : {}),
      additionalProperties: false,
    },
    answer: answerSchemaOf(value),
    operation: name,
    place: placeOf(entry),
    effect: entry.method,
    risk: entry.risk,
    device: (connection) => deviceOf(endpointOf, connection),
    preview: (args, connection) => previewFunction(entry, endpointOf(connection), args),
    async call(args, context) {
      // The core has checked the arguments against the schema. A tool that is called from elsewhere checks again: it moves machines.
      const extra = Object.keys(args).filter((each) => !write || each !== key);
      if (extra.length > 0)
        return errorResult(
          ModbusStatus.INVALID_ARGUMENT,
          `${name} has no parameter ${extra.join(', ')}`,
          untouched,
        );
      let endpoint: Endpoint;
      try {
        endpoint = endpointOf(context.connection);
      } catch (error) {
        return errorResult(ModbusStatus.INVALID_ARGUMENT, messageOf(error), untouched);
      }
      // The codec reads the digits of a wide number from a text.
      return carry({ driver, server, entry, endpoint, context }, mapBigints(args, String) as JsonObject);
    },
  };
}

/** The place of a value in its device, for people: `unit 1, holdingRegisters 1–2`. */
function placeOf({ unit, storage, address, value }: ModbusFunction): string {
  const last = address + value.format.count - 1;
  return `unit ${unit}, ${storage} ${address}${last > address ? `–${last}` : ''}`;
}

/** The address of the device that a session's calls go to; undefined for an address that cannot be used. */
function deviceOf(
  endpointOf: (connection: Connection) => Endpoint,
  connection: Connection,
): string | undefined {
  try {
    const endpoint = locate(endpointOf(connection));
    const name = endpointName(endpoint);
    // Host names have no case [RFC 4343]; the paths of serial devices do.
    return endpoint.type === 'serial' ? name : name.toLowerCase();
  } catch (error) {
    // The call itself is refused, with the reason. It reaches no device.
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** One call of a function, with everything that it needs. */
interface Call {
  driver: ModbusDriver;
  server: ServerSettings;
  entry: ModbusFunction;
  endpoint: Endpoint;
  context: CallContext;
}

/** Reads a value from the device. */
async function carryRead({ driver, server, entry, endpoint, context }: Call): Promise<ToolResult> {
  try {
    const call = busCall(server, entry, context, readRequest(entry), server.coalesce);
    const reply = await driver.call(endpoint, call);
    return readResult(entry.value, decode(entry, reply));
  } catch (error) {
    return failure(error, false);
  }
}

/**
 * Writes a value to the device: a register is read first where others share it, and read again where the write is
 * verified.
 */
async function carryWrite(
  { driver, server, entry, endpoint, context }: Call,
  args: JsonObject,
): Promise<ToolResult> {
  const { value, name } = entry;
  if (server.readOnly)
    return errorResult(ModbusStatus.WRITE_NOT_ALLOWED, `${name}: the document is read-only`, untouched);
  const wanted = args[keyOf(value)];
  if (wanted === undefined)
    return errorResult(ModbusStatus.INVALID_ARGUMENT, `${name} needs ${keyOf(value)}`, untouched);
  let request: ModbusRequest;
  try {
    request = writeRequest(entry, wanted, 0);
  } catch (error) {
    return errorResult(ModbusStatus.INVALID_ARGUMENT, `${value.name}: ${messageOf(error)}`, untouched);
  }

  // A bit shares its register with others, so the register is read first; a read after the write verifies it.
  // Nobody answers a read at unit 0 of a serial line, so a broadcast cannot be verified.
  const verify = entry.verify && !(isSerialLine(endpoint) && entry.unit === 0);
  const shared = value.format.bit !== undefined;
  // The requests of one call are a small sequence: `before` reads the register, `write` writes it, `after` reads it back.
  let stage = (shared ? 'before' : 'write') as 'before' | 'write' | 'after';
  const nextRequest = ({ registers }: ModbusReply): ModbusRequest | undefined => {
    if (stage === 'before') {
      stage = 'write';
      return (request = writeRequest(entry, wanted, registers[0] ?? 0));
    }
    if (stage === 'after' || !verify) return undefined;
    stage = 'after';
    return readRequest(entry);
  };
  try {
    // One job of the bus, so that no other call comes between the read and the write.
    const call = busCall(server, entry, context, shared ? readRequest(entry) : request, false);
    const last = await driver.call(endpoint, shared || verify ? { ...call, nextRequest } : call);
    // The raw value is an integer, so the value that was really written may differ from the wanted one: 26.46 is 26.5.
    const meant = decode(entry, contentOf(request));
    if (!verify) return writeResult(value, meant, last.confirmed);
    const found = decode(entry, last);
    if (JSON.stringify(found) === JSON.stringify(meant)) return writeResult(value, found, 'readback');
    const detail = `${name}: ${JSON.stringify(meant)} was written, ${JSON.stringify(found)} was read back`;
    return errorResult(ModbusStatus.READBACK_DIFFERS, detail, { sent: true, unknown: true });
  } catch (error) {
    return failure(error, stage === 'after');
  }
}

/** The result of a failed call. The effect is unknown when a write left and no answer says that it was refused. */
function failure(error: unknown, written: boolean): ToolResult {
  if (!(error instanceof ModbusError)) throw error;
  const { status, sent, request } = error;
  const unknown = written || (sent && !isRead(request) && !refusals.has(status));
  const what = written ? 'the write was sent, but not read back: ' : '';
  return errorResult(status, what + error.message, { sent: sent || written, unknown });
}

/** A call for the bus, with the limits of the document and of the session. */
function busCall(
  { connectTimeout, retries }: ServerSettings,
  { timeout }: ModbusFunction,
  { connection, signal, mayLeave, timeoutMs }: CallContext,
  request: ModbusRequest,
  coalesce: boolean,
): BusCall {
  return {
    request,
    timeoutMs: timeout,
    connectTimeoutMs: connectTimeout,
    retries,
    coalesce,
    deadlineMs: Math.min(timeoutMs, callDeadlineMs),
    signal,
    mayLeave,
    party: connection,
  };
}

/** The value in the content of a place. */
function decode({ storage, value }: ModbusFunction, { registers, bits }: Content): JsonValue {
  const inCoils = storage === 'coils' || storage === 'discreteInput';
  return inCoils ? decodeBits(value.format, bits) : decodeRegisters(value.format, registers);
}

/** The content of a place: registers, or coils. */
type Content = Pick<ModbusReply, 'registers' | 'bits'>;

/** The content that a write puts on the device, in the form of a read. */
function contentOf(request: ModbusRequest): Content {
  return {
    registers: 'registers' in request ? request.registers : [],
    bits: 'bits' in request ? request.bits : [],
  };
}

/** The description of a function for the model, within 1,024 characters. */
function describe({ description, method, name, value }: ModbusFunction): string {
  const about = describeValue(value);
  const first = description.trim() === '' ? name : description.trim();
  const text = `${first}${/[.!?。]$/.test(first) ? '' : '.'} ${
    method === 'read' ? `Returns ${value.name}` : `Writes ${value.name}`
  }${about === '' ? '' : ` (${about})`}.`;
  return text.length > 1024 ? `${text.slice(0, 1023)}…` : text;
}
