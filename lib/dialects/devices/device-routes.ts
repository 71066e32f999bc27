import type { JsonObject } from '../../common/json.ts';
import { isObject } from '../../common/json.ts';
import { withKeptSecrets } from '../../common/masked-secrets.ts';
import { keptProgram } from '../../devices/kept-program.ts';
import type { Device } from '../../devices/device.ts';
import { AppError } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import {
  deviceBody,
  deviceShape,
  formatDevice,
  formatListed,
  listedShape,
  reachShape,
  toolsShape,
} from './shapes.ts';

type DeviceParts = Pick<Parts, 'devices' | 'config'>;

/** The devices that the server knows (contract 6, section 1). */
export function createDeviceRoutes(parts: DeviceParts): Route[] {
  return [
    listDevices(parts),
    createDevice(parts),
    readDevice(parts),
    replaceDevice(parts),
    removeDevice(parts),
    listTools(parts),
    checkDeviceReach(parts),
  ];
}

/** A user who may use none gets an empty list. */
function listDevices({ devices }: DeviceParts): Route {
  return route({
    method: 'GET',
    path: '/api/devices',
    summary: 'The devices that the caller may use.',
    access: 'use a device',
    query: { type: 'object', properties: { tag: { type: 'string' } } },
    answer: { type: 'array', items: listedShape },
    async handle({ query: { tag }, caller }) {
      const all = await devices.list(caller.id);
      const wanted = tag === undefined ? all : all.filter(({ facts }) => facts.tags.includes(tag));
      return wanted.map((device) => formatListed(device, devices.states.of(device.name)));
    },
  });
}

/** A name that is taken is 409; every fault of the description is named at its pointer (400). */
function createDevice({ devices, config }: DeviceParts): Route {
  return route({
    method: 'POST',
    path: '/api/devices',
    summary: 'Registers a device.',
    access: 'manage devices',
    body: deviceBody,
    bodyMaxBytes: config.limits.deviceMaxBytes,
    status: 201,
    answer: deviceShape,
    async handle({ body, caller }) {
      // A new device has no stored key, so that a mask is a fault.
      const checked = await devices.check(withKeptSecrets(body, undefined), { party: caller.id });
      const device = await devices.registry.create(checked);
      return formatDevice(device, devices.states.of(device.name), checked);
    },
  });
}

/** An earlier version has its own description and rules. The state is that of the device as it is now. */
function readDevice({ devices }: DeviceParts): Route {
  return route({
    method: 'GET',
    path: '/api/devices/:name',
    summary: 'A device, or an earlier version of it. Its keys are masked.',
    access: 'use a device',
    query: { type: 'object', properties: { version: { type: 'string', pattern: '^[1-9]\\d{0,8}$' } } },
    answer: deviceShape,
    async handle({ params: { name }, query: { version }, caller }) {
      const current = await devices.find(name, caller.id);
      const device = version === undefined ? current : await devices.registry.version(name, Number(version));
      if (!device) throw new AppError('not_found', `The device "${name}" has no version ${version}.`);
      // The version 0 is a file that could never be used: it has no rules.
      const book = device.version > 0 && (await devices.books.bookFor({ name, version: device.version }));
      return {
        ...formatDevice(device, devices.states.of(name)),
        ...(book && { rulesInWords: book.words(), rulesAsData: book.facts() }),
      };
    },
  });
}

/** Sessions use the new version from their next task on. Its rules and its document are checked as those of a new device. */
function replaceDevice({ devices, config }: DeviceParts): Route {
  return route({
    method: 'PUT',
    path: '/api/devices/:name',
    summary:
      'Makes a new version of a device. A masked key that is sent back is unchanged. A URL in openSpec is asked for its document now.',
    access: 'manage devices',
    body: deviceBody,
    bodyMaxBytes: config.limits.deviceMaxBytes,
    answer: deviceShape,
    async handle({ params: { name }, body, caller }) {
      const current = await devices.find(name, caller.id);
      const described = describedBy(body as JsonObject, name);
      // Only the operator names programs. One that is stored and comes back unchanged is his.
      const program = keptProgram(described, current.definition);
      const wanted = withKeptSecrets({ ...described, ...program }, current.definition);
      const checked = await devices.check(wanted, {
        byOperator: program !== undefined,
        party: caller.id,
      });
      // Undefined where the document of the version before cannot be opened any more.
      const changes = await devices.changesTo(current, checked);
      const device = await devices.registry.replace(checked);
      return {
        ...formatDevice(device, devices.states.of(name), checked),
        ...(changes && { toolChanges: changes }),
      };
    },
  });
}

function removeDevice({ devices }: DeviceParts): Route {
  return route({
    method: 'DELETE',
    path: '/api/devices/:name',
    summary: 'Removes a device. Calls of sessions that use it are refused from now on.',
    access: 'manage devices',
    status: 204,
    async handle({ params: { name }, caller }) {
      // Rejects with `not_found` for a device that the caller may not use.
      await devices.find(name, caller.id);
      await devices.registry.remove(name);
      // A later device of this name begins without a state.
      devices.states.forget(name);
      return {};
    },
  });
}

/** A device whose file could never be used is 503. */
function listTools({ devices }: DeviceParts): Route {
  return route({
    method: 'GET',
    path: '/api/devices/:name/tools',
    summary: 'The tools of a device.',
    access: 'use a device',
    answer: toolsShape,
    async handle({ params: { name }, caller }) {
      return devices.describe(usable(await devices.find(name, caller.id)));
    },
  });
}

/** A device that may not be called, a disabled one say, is not asked: `reachable` is null, and `detail` says why. */
function checkDeviceReach({ devices, config }: DeviceParts): Route {
  return route({
    method: 'POST',
    path: '/api/devices/:name/check',
    summary: 'Asks whether a device is there, by its cheapest read or by connecting to it. Never a write.',
    access: 'use a device',
    bodyLenient: true,
    answer: reachShape,
    async handle({ params: { name }, caller }) {
      const device = usable(await devices.find(name, caller.id));
      return devices.checkReach(device, caller.id, config.limits.callTimeoutMs);
    },
  });
}

/** A device that has a document. Throws `unavailable` for one whose file could never be used. */
function usable(device: Device): Device {
  if (device.definition) return device;
  throw new AppError('unavailable', `The device "${device.name}" cannot be used: ${device.fault}`);
}

/** The description in a body, which may be the answer to an earlier request. Its name is that of the path. */
function describedBy(body: JsonObject, name: string): JsonObject {
  if (!isObject(body)) return body;
  const given = body['name'];
  if (given !== undefined && given !== name) {
    const detail = `is not "${name}": a device keeps its name`;
    throw new AppError('invalid_request', `/name ${detail}.`, { faults: [{ pointer: '/name', detail }] });
  }
  const {
    version: _version,
    kind: _kind,
    state: _state,
    tools: _tools,
    rulesInWords: _rulesInWords,
    rulesAsData: _rulesAsData,
    warnings: _warnings,
    ...described
  } = body;
  return { ...described, name };
}
