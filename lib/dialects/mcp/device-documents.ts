import type { ReadResourceResult, Resource } from '@modelcontextprotocol/sdk/types.js';
import { stringifyInSlices } from '../../common/json-slices.ts';
import type { Principal } from '../../core/principal.ts';
import type { ListedDevice } from '../../devices/device.ts';
import { AppError } from '../../errors.ts';
import type { Parts } from '../dialect.ts';

const PREFIX = 'lite-agent://devices/';

/** The document of each of these devices, as a resource. */
export function listDeviceDocuments(devices: readonly ListedDevice[]): Resource[] {
  return devices.map(({ name, facts: { title, kind } }) => ({
    uri: PREFIX + name,
    name,
    title,
    description: `The document (${kind}) of the device "${name}"`,
  }));
}

/** The document of one of these devices. Its address and its keys are not shown. Rejects with `not_found`. */
export async function readDeviceDocument(
  { devices }: Pick<Parts, 'devices'>,
  uri: string,
  { among, caller }: { among: readonly ListedDevice[]; caller: Principal },
): Promise<ReadResourceResult> {
  const named = among.find(({ name }) => uri === PREFIX + name);
  if (!named)
    throw new AppError('not_found', `There is no resource "${uri.slice(0, 100)}": resources/list has them.`);
  const { definition } = await devices.find(named.name, caller.id);
  const { openSpec = '' } = definition ?? {};
  const isText = typeof openSpec === 'string';
  const text = isText ? openSpec : await stringifyInSlices(openSpec);
  return { contents: [{ uri, mimeType: isText ? 'text/plain' : 'application/json', text }] };
}
