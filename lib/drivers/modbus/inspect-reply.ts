import { EXCEPTION_BIT } from './framing.ts';
import { isRead, replyLength, type ExchangeFailure, type SentRequest } from './request.ts';
import { ModbusStatus } from './status.ts';

/** Unit, function and exception code. */
const EXCEPTION_BYTES = 3;

/** The fault of a reply (in the form of modbus-serial, with a CRC); undefined when it answers the request. */
export function inspectReply({ request, adu: sent }: SentRequest, adu: Buffer): ExchangeFailure | undefined {
  const [unit, fc = 0, dataBytes = 0] = adu;
  const length = adu.length - 2;
  if (unit !== request.unit) return { status: ModbusStatus.WRONG_UNIT, what: `answered as unit ${unit}` };
  if (fc !== request.fc && fc !== (request.fc | EXCEPTION_BIT)) {
    return {
      status: ModbusStatus.WRONG_FUNCTION,
      what: `answered with function ${fc} instead of ${request.fc}`,
    };
  }
  const isException = fc !== request.fc;
  const expected = isException ? EXCEPTION_BYTES : replyLength(request);
  // A read's answer says how many data bytes follow unit, function and count.
  if (length !== expected || (!isException && isRead(request) && dataBytes !== expected - 3)) {
    return {
      status: ModbusStatus.BAD_RESPONSE,
      what: `answered with ${length} bytes instead of ${expected}`,
    };
  }
  // The echo of a write: the address, and the value (FC 5, 6) or the count (FC 15, 16).
  if (!isException && !isRead(request) && adu.compare(sent, 2, 6, 2, 6) !== 0) {
    return { status: ModbusStatus.BAD_RESPONSE, what: 'answered with the echo of another write' };
  }
  return undefined;
}
