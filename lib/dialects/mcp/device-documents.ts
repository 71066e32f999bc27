import type { ReadResourceResult, Resource } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../common/json.ts';
import { jsonSlicesOf } from '../../common/write-json-slices.ts';
import type { Principal } from '../../core/principal.ts';
import type { ListedDevice } from '../../devices/device.ts';
import type { KnownValue } from '../../devices/device-states.ts';
import { shownDefinition } from '../../devices/shown-definition.ts';
import { AppError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';

/** The addresses of resources are names only: hosts hand them back as they are. */
const PREFIX = 'lite-agent://devices/';

/** The end of the address of the last known values of a device. No name of a device has a "/". */
const VALUES = '/values';

/** The characters of a document that hosts take. They give it to a model, which uses a longer one through its tools. */
const DOCUMENT_MAX_CHARS = 1024 * 1024;

/** The document and the last known values of each of these devices, as resources. */
export function listDeviceDocuments(devices: readonly ListedDevice[]): Resource[] {
  return devices.flatMap(({ name, facts: { title, kind } }) => [
    {
      uri: PREFIX + name,
      name,
      title,
      description: `The document (${kind}) of the device "${name}"`,
    },
    {
      uri: PREFIX + name + VALUES,
      name: name + VALUES,
      title: `${title}: last known values`,
      description: `The last good result of each read of the device "${name}" since this server started, with its time`,
      mimeType: 'application/json',
    },
  ]);
}

/** Changes whenever the resource does. Undefined where none of these devices has it. */
export function versionOfResource(
  { devices }: Pick<Parts, 'devices'>,
  uri: string,
  among: readonly Pick<ListedDevice, 'name' | 'version'>[],
): number | undefined {
  const device = deviceOf(uri, among);
  if (!device) return undefined;
  return uri.endsWith(VALUES) ? devices.states.notedCount(device.name) : device.version;
}

/**
 * A resource of one of these devices: its document, without its address and its keys, or its values. Rejects with `not_found`, and with
 * `too_large`.
 */
export async function readDeviceDocument(
  { devices }: Pick<Parts, 'devices'>,
  uri: string,
  { among, caller }: { among: readonly ListedDevice[]; caller: Principal },
): Promise<ReadResourceResult> {
  const named = deviceOf(uri, among);
  if (!named) throw noResource(uri);
  if (uri.endsWith(VALUES))
    return { contents: [{ uri, ...lastValues(devices.states.valuesOf(named.name)) }] };
  const device = await devices.find(named.name, caller.id);
  // A device that says its document itself shows the tools that it has now.
  const shown = device.definition && shownDefinition(device.definition);
  const openSpec = shown?.openSpec ?? ((await devices.describe(device)) as unknown as JsonObject);
  const isText = typeof openSpec === 'string';
  const slices = isText ? [openSpec] : await jsonSlicesOf(openSpec);
  const length = slices.reduce((sum, slice) => sum + slice.length, 0);
  if (length > DOCUMENT_MAX_CHARS) throw tooLong(named, length);
  const text = slices.join('');
  return { contents: [{ uri, mimeType: isText ? 'text/plain' : 'application/json', text }] };
}

function tooLong({ name }: ListedDevice, length: number): AppError {
  return new AppError(
    'too_large',
    `The document of "${name}" has ${length} characters, and a host gets ${DOCUMENT_MAX_CHARS}: its tools say what it can do.`,
  );
}

/** The error for a resource that none of the devices of a host has. */
export function noResource(uri: string): AppError {
  return new AppError('not_found', `There is no resource "${uri.slice(0, 100)}": resources/list has them.`);
}

/** The device that an address names, among those that the host may see. */
function deviceOf<Device extends { name: string }>(
  uri: string,
  among: readonly Device[],
): Device | undefined {
  return among.find(({ name }) => uri === PREFIX + name || uri === PREFIX + name + VALUES);
}

/** The values as JSON: by tool the result, and its time. */
function lastValues(values: ReadonlyMap<string, KnownValue>): { mimeType: string; text: string } {
  const shown = Object.fromEntries(
    [...values].map(([tool, { result, at }]) => [tool, { result, at: new Date(at).toISOString() }]),
  );
  return { mimeType: 'application/json', text: JSON.stringify(shown) };
}
