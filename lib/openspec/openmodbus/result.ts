import type { JsonValue } from '../../common/json.ts';
import type { ToolResult } from '../../core/message.ts';
import { ModbusStatus, statusNames, type StatusCode } from '../../drivers/modbus/status.ts';
import type { Value } from './read-value.ts';

/** How far a failed call got. */
interface Fate {
  /** A byte has left. */
  sent: boolean;
  /** A write may have been executed. */
  unknown: boolean;
}

/** Failures that the same call may not meet again, as far as the device is unchanged. */
const passing: ReadonlySet<StatusCode> = new Set([
  ModbusStatus.ACKNOWLEDGE,
  ModbusStatus.DEVICE_BUSY,
  ModbusStatus.GATEWAY_PATH_UNAVAILABLE,
  ModbusStatus.GATEWAY_TARGET_SILENT,
  ModbusStatus.QUEUE_FULL,
  ModbusStatus.TIMED_OUT,
  ModbusStatus.CANNOT_CONNECT,
  ModbusStatus.LOST_WHILE_SENDING,
  ModbusStatus.BAD_RESPONSE,
  ModbusStatus.WRONG_UNIT,
  ModbusStatus.WRONG_FUNCTION,
  ModbusStatus.WRONG_CHECKSUM,
]);

/** The result of a read: its value, also in words. */
export function readResult({ name, uom }: Value, value: JsonValue): ToolResult {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const message = `${name}: ${text}${value === null ? '' : (uom ?? '')}`;
  return { statusCode: ModbusStatus.OK, value, message, name, ...(uom === undefined ? {} : { uom }) };
}

/** The result of a write: the value that was really written, and how it is known. */
export function writeResult(
  { name, uom }: Value,
  value: JsonValue,
  confirmed: 'echo' | 'readback' | 'none',
): ToolResult {
  const unit = uom === undefined ? {} : { uom };
  return {
    statusCode: ModbusStatus.OK,
    value,
    message: statusNames[ModbusStatus.OK],
    name,
    ...unit,
    confirmed,
  };
}

/** The result of a call that failed. */
export function errorResult(status: StatusCode, detail: string, { sent, unknown }: Fate): ToolResult {
  const name = statusNames[status];
  // The core knows a cancelled call by this code, whatever its kind [core/tool.ts: CallContext.signal].
  const code =
    status === ModbusStatus.CANCELLED
      ? name
      : name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  // The model reads the detail: it must not simply repeat a write whose fate is unknown.
  const advice = unknown ? '; it may have been executed: read the value before repeating the write' : '';
  return {
    statusCode: status,
    value: null,
    message: name,
    error: {
      code,
      detail: detail + advice,
      sent,
      effect: unknown ? 'unknown' : 'none',
      retryable: !unknown && passing.has(status),
    },
  };
}
