import { isObject } from '../common/json.ts';
import { isDeviceName } from './device-document.ts';

/** Codes of calls that found nobody at the address of a device: those of Node, and of its HTTP client. */
const nobodyThere: ReadonlySet<unknown> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * What a person may look at after a result that says that nobody was at the address of a device; undefined for any other result. `place`
 * is the document of the device, or its name.
 */
export function unreachableHint(result: unknown, place?: string): string | undefined {
  const error = isObject(result) ? result['error'] : undefined;
  if (!isObject(error)) return undefined;
  // Over Modbus a refusal of the door out has the same code.
  const isOverModbus =
    error['code'] === 'CONNECTION_FAILED' && /cannot be reached/.test(JSON.stringify(error['detail'] ?? ''));
  if (!nobodyThere.has(error['code']) && !isOverModbus) return undefined;
  const address = place !== undefined && isDeviceName(place) ? `lite-agent device show ${place}` : '--server';
  return `Is the device switched on, and is its address right (${address})? "lite-agent simulate FILE" starts a stand-in.`;
}
