import type { JsonObject } from '../../../common/json.ts';
import {
  hostPortOf,
  startNear,
  type SimulateOptions,
  type Simulation,
} from '../../../simulate/simulation.ts';
import { objectAt, textAt } from '../../read.ts';
import { openrpcNames } from '../names.ts';
import { openrpcServerUrl } from '../server.ts';
import { simulateOpenrpc } from './simulate-openrpc.ts';

/** Serves an OpenRPC document as a device, at the document's own address where that is possible. */
export async function simulateOpenrpcDocument(
  document: JsonObject,
  { host = '127.0.0.1', port, files, source }: SimulateOptions,
): Promise<Simulation> {
  const found = {
    ...(files === undefined ? {} : { files }),
    ...(source === undefined ? {} : { source }),
  };
  const server = openrpcServerUrl([document['servers']], source);
  const described = 'url' in server ? server.url : undefined;
  const device = await startNear(
    (at) => simulateOpenrpc(document, { host, port: at, ...found }),
    port,
    described === undefined ? undefined : hostPortOf(described),
  );
  const title = textAt(objectAt(document, 'info'), 'title') ?? 'OpenRPC';
  return { kind: openrpcNames.name, title, described, note: undefined, device };
}
