import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { EgressOptions } from './egress.ts';

const NOTE_BYTES = 4;

/** The door of a server: its lists, and the words of its refusals. */
export function egressOptionsOf(
  config: Pick<Config, 'auth' | 'loopback' | 'egressAllow' | 'egressDeny' | 'serialAllow'>,
  log: Pick<Log, 'warn'>,
): EgressOptions {
  const { auth, loopback, egressAllow, egressDeny, serialAllow } = config;
  // On loopback the addresses of the network are the default of EGRESS_ALLOW: a list replaces it.
  const allowPrivate = loopback && egressAllow.length === 0;
  const lists = { allow: egressAllow, deny: egressDeny, allowPrivate, serialAllow };
  // Without access control every caller is the operator, who reads the whole reason.
  return auth === 'none' ? lists : { ...lists, tellRefusal: noteRefusal(log) };
}

/**
 * Callers read which kind of setting refused, and a number. The log has the name, the address and the reason under that number:
 * they tell about the network of the server.
 */
function noteRefusal(log: Pick<Log, 'warn'>): NonNullable<EgressOptions['tellRefusal']> {
  return (reason, setting) => {
    const refusal = randomBytes(NOTE_BYTES).toString('hex');
    log.warn({ refusal }, reason);
    const what = setting === 'SERIAL_ALLOW' ? 'open this serial device' : 'connect to this address';
    return `The server may not ${what} (${setting}); its log has the reason under refusal ${refusal}.`;
  };
}
