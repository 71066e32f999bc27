import { isObject, type JsonValue } from '../common/json.ts';
import { AppError } from '../errors.ts';

/**
 * A fault of a simulated device, until it is ended. `exception` is a Modbus exception, an HTTP status or a
 * JSON-RPC error code; `drop` answers nothing and does nothing; `garbage` is no answer of its protocol.
 */
export type DeviceFault =
  | { kind: 'delay'; ms: number }
  | { kind: 'exception'; code: number }
  | { kind: 'drop' }
  | { kind: 'garbage' };

/** An hour. */
const delayMaxMs = 3_600_000;

/** Reads a fault from JSON; the second argument is the range of an exception's code. Throws an AppError `invalid_request` that lists the faults. */
export function parseFault(
  value: JsonValue | undefined,
  [least, most]: readonly [number, number],
): DeviceFault {
  const { kind, ms, code } = isObject(value) ? value : {};
  if (kind === 'drop' || kind === 'garbage') return { kind };
  if (kind === 'delay' && isWhole(ms, 0, delayMaxMs)) return { kind, ms };
  if (kind === 'exception' && isWhole(code, least, most)) return { kind, code };
  const delay = `{"kind":"delay","ms":0…${delayMaxMs}}`;
  const exception = `{"kind":"exception","code":${least}…${most}}`;
  throw new AppError(
    'invalid_request',
    `a fault is ${delay}, ${exception}, {"kind":"drop"} or {"kind":"garbage"}`,
  );
}

function isWhole(value: JsonValue | undefined, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}
