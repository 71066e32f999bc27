import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { EgressOptions } from './egress.ts';

const NOTE_BYTES = 4;

/**
 * How the refusals of the door are told. Without access control every caller is the operator, who reads the whole reason. Else
 * callers read which kind of setting refused, and a number; the log has the name, the address and the reason under that number.
 */
export function tellRefusals({ auth }: Pick<Config, 'auth'>, log: Log): Pick<EgressOptions, 'tellRefusal'> {
  if (auth === 'none') return {};
  return {
    tellRefusal(reason, setting) {
      const refusal = randomBytes(NOTE_BYTES).toString('hex');
      log.warn({ refusal }, reason);
      const what = setting === 'SERIAL_ALLOW' ? 'open this serial device' : 'connect to this address';
      return `The server may not ${what} (${setting}); its log has the reason under refusal ${refusal}.`;
    },
  };
}
