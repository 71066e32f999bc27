import { expect } from 'chai';
import { readReach } from '../../lib/devices/device-states.ts';
import { ModbusStatus, type StatusCode } from '../../lib/drivers/modbus/status.ts';
import { errorResult } from '../../lib/openspec/openmodbus/result.ts';

describe('the reach of a device, by the result of a call', () => {
  const reachAfter = (status: StatusCode): boolean | undefined =>
    readReach(errorResult(status, 'it failed', { sent: true, unknown: false })).reachable;

  it('is decided for each status of OpenModbus', () => {
    const failures = Object.entries(ModbusStatus).filter(([name]) => name !== 'OK');
    const named = (reach: boolean | undefined): string[] =>
      failures.filter(([, status]) => reachAfter(status) === reach).map(([name]) => name);
    expect({ unreachable: named(false), notSent: named(undefined) }).to.deep.equal({
      unreachable: [
        'GATEWAY_PATH_UNAVAILABLE',
        'GATEWAY_TARGET_SILENT',
        'TIMED_OUT',
        'CANNOT_CONNECT',
        'LOST_WHILE_SENDING',
        'BAD_RESPONSE',
      ],
      notSent: [
        'INVALID_ARGUMENT',
        'WRITE_NOT_ALLOWED',
        'QUEUE_FULL',
        'CANCELLED',
        'SERIALPORT_NOT_INSTALLED',
      ],
    });
  });

  for (const [code, reachable] of [
    ['ECONNREFUSED', false],
    ['EAI_AGAIN', false],
    ['EHOSTUNREACH', false],
    ['EGRESS_DENIED', undefined],
    ['denied_by_rule', undefined],
    ['device_error', undefined],
    [-32000, true],
  ] as const)
    it(`is ${reachable ?? 'not known'} after ${code}`, () => {
      expect(readReach({ error: { code, message: 'No.' } })).to.deep.equal({ reachable, error: 'No.' });
    });

  it('is true after a result without an error', () => {
    expect(readReach({ statusCode: 200 })).to.deep.equal({ reachable: true, error: null });
  });
});
