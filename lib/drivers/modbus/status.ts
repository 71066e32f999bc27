/** Every way a Modbus call ends, by `statusCode` [Modbus Application Protocol 1.1b3, 7; contract: Results]. */
export const statusNames = {
  0: 'requestSucceed',
  1: 'illegalFunction',
  2: 'illegalDataAddress',
  3: 'illegalDataValue',
  4: 'deviceFailure',
  5: 'acknowledge',
  6: 'deviceBusy',
  7: 'negativeAcknowledgment',
  8: 'memoryParityError',
  10: 'gatewayPathUnavailable',
  11: 'gatewayTargetDeviceFailedToRespond',
  224: 'invalidArgument',
  225: 'writeNotAllowed',
  226: 'queueFull',
  227: 'readbackDiffers',
  228: 'cancelled',
  229: 'serialportNotInstalled',
  240: 'requestTimeout',
  241: 'connectionFailed',
  242: 'requestTxFailed',
  243: 'requestRxFailed',
  244: 'requestRxWrongUnitId',
  245: 'requestRxWrongFunctionCode',
  246: 'requestRxWrongChecksum',
  255: 'undefinedErrorCode',
} as const;

export type StatusCode = keyof typeof statusNames;

/** The status of an exception code that a device answered with. */
export function statusOfException(code: number): StatusCode {
  return code > 0 && code < 12 && code in statusNames ? (code as StatusCode) : 255;
}
