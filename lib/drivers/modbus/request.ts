import { AppError, type ErrorCode } from '../../errors.ts';
import { ModbusStatus, type StatusCode } from './status.ts';

/** The four storages of a unit [Modbus Application Protocol 1.1b3, 4.3]. */
export type Storage = 'coils' | 'discreteInput' | 'inputRegisters' | 'holdingRegisters';

/** One request to one unit; addresses count from 0. */
export type ModbusRequest =
  | { readonly fc: 1 | 2 | 3 | 4; readonly unit: number; readonly address: number; readonly count: number }
  | ({ readonly unit: number; readonly address: number; readonly count: number } & (
      | { readonly fc: 5 | 15; readonly bits: readonly boolean[] }
      | { readonly fc: 6 | 16; readonly registers: readonly number[] }
    ));

/** A request that has left. */
export interface SentRequest {
  readonly request: ModbusRequest;
  /** Its bytes in the form of modbus-serial, with a CRC. The echo of a write repeats them in part. */
  readonly adu: Buffer;
}

/**
 * The answer to a request. A write's `confirmed` is `none` for a write that no unit answered: a broadcast, or a write of which
 * only the line's own echo came and that is read back next.
 */
export interface ModbusReply {
  readonly registers: readonly number[];
  readonly bits: readonly boolean[];
  readonly confirmed: 'echo' | 'none';
}

/** The reason why one exchange failed, before it becomes a ModbusError. `what` completes "holdingRegisters 5 count 1 …". */
export interface ExchangeFailure {
  readonly status: StatusCode;
  readonly what: string;
}

const storages: Readonly<Record<number, Storage>> = {
  1: 'coils',
  2: 'discreteInput',
  3: 'holdingRegisters',
  4: 'inputRegisters',
  5: 'coils',
  6: 'holdingRegisters',
  15: 'coils',
  16: 'holdingRegisters',
};

/** The storage that a function code reads or writes; undefined for a code that does neither. */
export function storageOf(fc: number): Storage | undefined {
  return storages[fc];
}

/** Whether a request only reads (functions 1 to 4). */
export function isRead(request: ModbusRequest): boolean {
  return request.fc <= 4;
}

/** Bytes from the unit to the last data byte that a good reply has, without checksums. */
export function replyLength({ fc, count }: ModbusRequest): number {
  if (fc === 1 || fc === 2) return 3 + Math.ceil(count / 8);
  return fc === 3 || fc === 4 ? 3 + count * 2 : 6;
}

/** A request in words: "unit 1: holdingRegisters 5000 count 1". */
export function describeRequest({ unit, fc, address, count }: ModbusRequest): string {
  return `unit ${unit}: ${storages[fc]} ${address} count ${count}`;
}

/** A call that failed. `sent` when a byte of `request` may have left; `request` is the one of the call that failed. */
export class ModbusError extends AppError {
  override readonly name = 'ModbusError';
  readonly status: StatusCode;
  readonly sent: boolean;
  readonly request: ModbusRequest;

  constructor(status: StatusCode, message: string, request: ModbusRequest, sent: boolean) {
    super(codes[status] ?? 'unavailable', message);
    this.status = status;
    this.request = request;
    this.sent = sent;
  }
}

const codes: Partial<Record<StatusCode, ErrorCode>> = {
  [ModbusStatus.INVALID_ARGUMENT]: 'invalid_request',
  [ModbusStatus.WRITE_NOT_ALLOWED]: 'forbidden',
  [ModbusStatus.QUEUE_FULL]: 'limit_reached',
  [ModbusStatus.CANCELLED]: 'stopped',
  [ModbusStatus.TIMED_OUT]: 'timeout',
};
