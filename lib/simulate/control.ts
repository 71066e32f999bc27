import { isLoopbackHost } from '../common/addresses.ts';
import { parseHostHeader } from '../common/host.ts';
import type { JsonValue } from '../common/json.ts';
import { AppError, messageOf } from '../errors.ts';
import { jsonValueOf } from './json-text.ts';
import { parseFault, type DeviceFault } from './fault.ts';
import { jsonAnswer, openSite, type SiteAnswer, type SiteRequest } from './http-site.ts';
import type { Simulated } from './simulated.ts';

/** A device that can be controlled, with the name it has in the control port's paths. */
export interface Controlled {
  name: string;
  /** The name of the document's kind. */
  kind: string;
  title: string;
  /** The document's place, as it was given. */
  document: string;
  device: Simulated;
}

/**
 * Opens the control port of simulated devices, on loopback only. Rejects when the port is taken. It answers:
 *
 *   GET /                        the devices
 *   GET /{device}                one device with its state and its fault
 *   GET /{device}/state          its values; GET and PUT /{device}/state/{name} for one of them
 *   GET, PUT, DELETE /{device}/fault
 */
export async function openControl(
  devices: readonly Controlled[],
  port = 0,
): Promise<{ url: string; close(): Promise<void> }> {
  const faults = new Map<Controlled, DeviceFault>();
  const factsOf = ({ name, kind, title, document, device }: Controlled) => ({
    name,
    kind,
    title,
    document,
    server: device.server,
  });

  const answer = ({ method, path, headers, body }: SiteRequest): SiteAnswer => {
    // A page that has rebound its own name to this machine (DNS rebinding) sends that name as the host.
    if (!isLoopbackHost(parseHostHeader(headers.host)?.name ?? '')) {
      throw new AppError('forbidden', 'the control port is called by a loopback name');
    }
    const [first = '', part, ...rest] = path.slice(1).split('/').map(decodeURIComponent);
    if (first === '') return reading(method, devices.map(factsOf));
    const controlled = devices.find(({ name }) => name === first);
    if (controlled === undefined) {
      throw new AppError(
        'not_found',
        `there is no device ${first}; there are ${devices.map(({ name }) => name).join(', ')}`,
      );
    }
    const { device } = controlled;
    const fault = faults.get(controlled) ?? null;
    const name = rest.join('/');
    if (part === undefined || part === '') {
      return reading(method, { ...factsOf(controlled), state: device.state(), fault });
    }
    if (part === 'state' && name === '') return reading(method, device.state());
    if (part === 'state') {
      if (method === 'PUT') device.set(name, valueOf(body));
      return reading(method === 'PUT' ? 'GET' : method, valueNamed(device, name));
    }
    if (part !== 'fault' || name !== '')
      throw new AppError('not_found', `a device has state and fault, no ${part}`);
    if (method === 'DELETE') {
      faults.delete(controlled);
      device.fault(undefined);
      return { status: 204 };
    }
    if (method !== 'PUT') return reading(method, fault);
    const next = parseFault(valueOf(body), device.exceptionCodes);
    faults.set(controlled, next);
    device.fault(next);
    return jsonAnswer(200, next);
  };

  return openSite({
    port,
    answer(request) {
      try {
        return answer(request);
      } catch (error) {
        if (error instanceof URIError) return jsonAnswer(400, { message: 'the path is not percent-encoded' });
        if (!(error instanceof AppError)) throw error;
        const status = error.code === 'not_found' ? 404 : error.code === 'forbidden' ? 403 : 400;
        return jsonAnswer(status, { message: messageOf(error) });
      }
    },
  });
}

/** The answer to a request that only reads. */
function reading(method: string, value: unknown): SiteAnswer {
  if (method === 'GET' || method === 'HEAD') return jsonAnswer(200, value);
  return jsonAnswer(405, { message: `${method} is not known here` });
}

/** The JSON of a request's body. */
function valueOf(body: Buffer): JsonValue {
  const value = jsonValueOf(body.toString('utf8'));
  if (value === undefined) throw new AppError('invalid_request', 'the body is no JSON');
  return value;
}

/** One value of a device; throws `not_found`. */
function valueNamed(device: Simulated, name: string): JsonValue {
  const value = device.value(name);
  if (value === undefined) throw new AppError('not_found', `the device has no value ${name}`);
  return value;
}
