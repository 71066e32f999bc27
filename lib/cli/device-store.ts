import type { JsonObject, JsonValue } from '../common/json.ts';
import { formatDevice, formatListed } from '../dialects/devices/shapes.ts';
import { AppError } from '../errors.ts';
import { callServer } from './call-server.ts';

/** The devices that a command works on: those of a database, or those of a running server. Values are as the API has them. */
export interface DeviceStore {
  /** All devices, or those with a tag. */
  list(tag: string | undefined): Promise<JsonObject[]>;
  show(name: string): Promise<JsonObject>;
  /** Registers a device. `definition` is the body of `POST /devices`. */
  add(definition: JsonObject): Promise<JsonObject>;
  /** Asks whether a device is there; never with a write. */
  check(name: string): Promise<JsonObject>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Where a command works: on the database of the settings when the URL is missing. */
export interface DevicePlace {
  url?: string;
  token?: string;
}

/** Opens the devices at a place. */
export function openDeviceStore({ url, token }: DevicePlace): Promise<DeviceStore> | DeviceStore {
  return url === undefined ? openDatabaseStore() : createServerStore(url, token);
}

/** Whoever may open the database may do everything: as the operator of the server. */
const OPERATOR = 'operator';

/** Loads the parts of the server only when a command needs them, because that takes time. */
async function openDatabaseStore(): Promise<DeviceStore> {
  const { openOwnDevices } = await import('./own-devices.ts');
  const { devices, limits, close } = await openOwnDevices();
  const { registry, states } = devices;
  return {
    async list(tag) {
      const all = await devices.list(OPERATOR);
      const wanted = tag === undefined ? all : all.filter(({ facts }) => facts.tags.includes(tag));
      return wanted.map((device) => plain(formatListed(device, states.of(device.name))));
    },
    async show(name) {
      return plain(formatDevice(await devices.find(name, OPERATOR), states.of(name)));
    },
    async add(definition) {
      const checked = await devices.check(definition, { byOperator: true });
      const device = await registry.create(checked);
      return plain(formatDevice(device, states.of(device.name), checked));
    },
    async check(name) {
      const device = await devices.find(name, OPERATOR);
      if (!device.definition) throw new AppError('unavailable', device.fault ?? 'The device cannot be used.');
      return plain(await devices.checkReach(device, OPERATOR, limits.callTimeoutMs));
    },
    async remove(name) {
      await devices.find(name, OPERATOR);
      await registry.remove(name);
    },
    close,
  };
}

/** The devices of a running server, by its HTTP API. Methods reject with `unavailable` for a refusal, too. */
function createServerStore(url: string, token: string | undefined): DeviceStore {
  const call = (method: string, path: string, body?: JsonObject): Promise<JsonValue> =>
    callServer({ url, token }, method, `/devices${path}`, body);
  const at = (name: string): string => `/${encodeURIComponent(name)}`;
  return {
    list: async (tag) =>
      (await call('GET', tag === undefined ? '' : `?tag=${encodeURIComponent(tag)}`)) as JsonObject[],
    show: async (name) => (await call('GET', at(name))) as JsonObject,
    add: async (definition) => (await call('POST', '', definition)) as JsonObject,
    check: async (name) => (await call('POST', `${at(name)}/check`)) as JsonObject,
    remove: async (name) => void (await call('DELETE', at(name))),
    close: () => Promise.resolve(),
  };
}

/** The value as JSON has it. */
function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
