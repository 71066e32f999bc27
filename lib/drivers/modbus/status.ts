/** Every way a Modbus call ends, by `statusCode` [Modbus Application Protocol 1.1b3, 7; contract OpenModbus: Results]. */
export const ModbusStatus = {
  /** The call succeeded. */
  OK: 0,
  /** Exception 1: the device does not know the function. */
  ILLEGAL_FUNCTION: 1,
  /** Exception 2: the device has no such address. */
  ILLEGAL_DATA_ADDRESS: 2,
  /** Exception 3: the device refuses the value or the count. */
  ILLEGAL_DATA_VALUE: 3,
  /** Exception 4: the device failed while it carried the request out. */
  DEVICE_FAILURE: 4,
  /** Exception 5: the device accepted the request and needs more time for it. */
  ACKNOWLEDGE: 5,
  /** Exception 6: the device is busy. The same request may succeed later. */
  DEVICE_BUSY: 6,
  /** Exception 7: the device cannot carry the request out. */
  NEGATIVE_ACKNOWLEDGMENT: 7,
  /** Exception 8: the device found a parity error in its memory. */
  MEMORY_PARITY_ERROR: 8,
  /** Exception 10: the gateway has no path to the unit. */
  GATEWAY_PATH_UNAVAILABLE: 10,
  /** Exception 11: the unit behind the gateway did not answer. */
  GATEWAY_TARGET_SILENT: 11,
  /** Nothing was sent: an argument does not fit. */
  INVALID_ARGUMENT: 224,
  /** Nothing was sent: the document or a rule does not allow the write. */
  WRITE_NOT_ALLOWED: 225,
  /** Nothing was sent: too many calls wait for the bus. */
  QUEUE_FULL: 226,
  /** The value that was read back after a write is not the value that was written. */
  READBACK_DIFFERS: 227,
  /** Nothing was sent: the call was stopped, or the driver shuts down. */
  CANCELLED: 228,
  /** Nothing was sent: the optional package `serialport` is not installed. */
  SERIALPORT_NOT_INSTALLED: 229,
  /** No answer in time. A write may have been carried out. */
  TIMED_OUT: 240,
  /** Cannot connect: refused, host not found, connect time-out, or backing off after failures. */
  CANNOT_CONNECT: 241,
  /** The connection was lost while the request was sent. */
  LOST_WHILE_SENDING: 242,
  /** The connection was closed before the answer, or the answer is not usable. */
  BAD_RESPONSE: 243,
  /** The answer is from another unit. */
  WRONG_UNIT: 244,
  /** The answer is for another function. */
  WRONG_FUNCTION: 245,
  /** The checksum of the answer is wrong. */
  WRONG_CHECKSUM: 246,
  /** The device answered with an exception code that the protocol does not define. */
  UNKNOWN_EXCEPTION: 255,
} as const;

/** A `statusCode` of a Modbus result. */
export type StatusCode = (typeof ModbusStatus)[keyof typeof ModbusStatus];

/** The name of each status as the `message` of a result has it [contract OpenModbus: Results]. */
export const statusNames = {
  [ModbusStatus.OK]: 'requestSucceed',
  [ModbusStatus.ILLEGAL_FUNCTION]: 'illegalFunction',
  [ModbusStatus.ILLEGAL_DATA_ADDRESS]: 'illegalDataAddress',
  [ModbusStatus.ILLEGAL_DATA_VALUE]: 'illegalDataValue',
  [ModbusStatus.DEVICE_FAILURE]: 'deviceFailure',
  [ModbusStatus.ACKNOWLEDGE]: 'acknowledge',
  [ModbusStatus.DEVICE_BUSY]: 'deviceBusy',
  [ModbusStatus.NEGATIVE_ACKNOWLEDGMENT]: 'negativeAcknowledgment',
  [ModbusStatus.MEMORY_PARITY_ERROR]: 'memoryParityError',
  [ModbusStatus.GATEWAY_PATH_UNAVAILABLE]: 'gatewayPathUnavailable',
  [ModbusStatus.GATEWAY_TARGET_SILENT]: 'gatewayTargetDeviceFailedToRespond',
  [ModbusStatus.INVALID_ARGUMENT]: 'invalidArgument',
  [ModbusStatus.WRITE_NOT_ALLOWED]: 'writeNotAllowed',
  [ModbusStatus.QUEUE_FULL]: 'queueFull',
  [ModbusStatus.READBACK_DIFFERS]: 'readbackDiffers',
  [ModbusStatus.CANCELLED]: 'cancelled',
  [ModbusStatus.SERIALPORT_NOT_INSTALLED]: 'serialportNotInstalled',
  [ModbusStatus.TIMED_OUT]: 'requestTimeout',
  [ModbusStatus.CANNOT_CONNECT]: 'connectionFailed',
  [ModbusStatus.LOST_WHILE_SENDING]: 'requestTxFailed',
  [ModbusStatus.BAD_RESPONSE]: 'requestRxFailed',
  [ModbusStatus.WRONG_UNIT]: 'requestRxWrongUnitId',
  [ModbusStatus.WRONG_FUNCTION]: 'requestRxWrongFunctionCode',
  [ModbusStatus.WRONG_CHECKSUM]: 'requestRxWrongChecksum',
  [ModbusStatus.UNKNOWN_EXCEPTION]: 'undefinedErrorCode',
} as const satisfies Record<StatusCode, string>;

/** The highest exception code that the protocol defines [Modbus Application Protocol 1.1b3, 7]. */
const EXCEPTION_MAX = 11;

/** The status of an exception code that a device answered with. */
export function statusOfException(code: number): StatusCode {
  const isKnown = code > 0 && code <= EXCEPTION_MAX && code in statusNames;
  return isKnown ? (code as StatusCode) : ModbusStatus.UNKNOWN_EXCEPTION;
}

/** Whether a device itself refused a request with an exception; false for every failure of the way to the device. */
export function isDeviceException(status: StatusCode): boolean {
  const isDefined = status > ModbusStatus.OK && status <= EXCEPTION_MAX;
  return isDefined || status === ModbusStatus.UNKNOWN_EXCEPTION;
}
