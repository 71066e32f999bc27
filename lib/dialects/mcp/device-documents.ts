import type { ReadResourceResult, Resource } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../common/json.ts';
import { stringifyInSlices } from '../../common/write-json-slices.ts';
import type { Principal } from '../../core/principal.ts';
import type { ListedDevice } from '../../devices/device.ts';
import type { KnownValue } from '../../devices/device-states.ts';
import { AppError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';

const PREFIX = 'lite-agent://devices/';

/** The end of the address of the last known values of a device. No name of a device has a "/". */
const VALUES = '/values';

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

/** A resource of one of these devices: its document, without its address and its keys, or its values. Rejects with `not_found`. */
export async function readDeviceDocument(
  { devices }: Pick<Parts, 'devices'>,
  uri: string,
  { among, caller }: { among: readonly ListedDevice[]; caller: Principal },
): Promise<ReadResourceResult> {
  const named = among.find(({ name }) => uri === PREFIX + name || uri === PREFIX + name + VALUES);
  if (!named)
    throw new AppError('not_found', `There is no resource "${uri.slice(0, 100)}": resources/list has them.`);
  if (uri.endsWith(VALUES))
    return { contents: [{ uri, ...lastValues(devices.states.valuesOf(named.name)) }] };
  const device = await devices.find(named.name, caller.id);
  // A device that says its document itself shows the tools that it has now.
  const openSpec = device.definition?.openSpec ?? ((await devices.describe(device)) as unknown as JsonObject);
  const isText = typeof openSpec === 'string';
  const text = isText ? openSpec : await stringifyInSlices(openSpec);
  return { contents: [{ uri, mimeType: isText ? 'text/plain' : 'application/json', text }] };
}

/** The values as JSON: by tool the result, and its time. */
function lastValues(values: ReadonlyMap<string, KnownValue>): { mimeType: string; text: string } {
  const shown = Object.fromEntries(
    [...values].map(([tool, { result, at }]) => [tool, { result, at: new Date(at).toISOString() }]),
  );
  return { mimeType: 'application/json', text: JSON.stringify(shown) };
}
