import type { JsonObject } from '../../../common/json.ts';
import { SpecError } from '../../../errors.ts';
import {
  hostPortOf,
  startNear,
  type SimulateOptions,
  type Simulation,
} from '../../../simulate/simulation.ts';
import { objectAt, textAt } from '../../read.ts';
import { SpecDocument } from '../../spec-document.ts';
import { openapiNames } from '../names.ts';
import { openapiServerUrl, parseServer } from '../servers.ts';
import { simulateOpenapi } from './simulate-openapi.ts';

/** Serves an OpenAPI document as a device, at the document's own address where that is possible. */
export async function simulateOpenapiDocument(
  document: JsonObject,
  { host = '127.0.0.1', port, files, source }: SimulateOptions,
): Promise<Simulation> {
  const found = {
    ...(files === undefined ? {} : { files }),
    ...(source === undefined ? {} : { source }),
  };
  const described = serverOf(document, source);
  const device = await startNear(
    (at) => simulateOpenapi(document, { host, port: at, ...found }),
    port,
    described === undefined ? undefined : hostPortOf(described),
  );
  const title = textAt(objectAt(document, 'info'), 'title') ?? 'OpenAPI';
  return { kind: openapiNames.name, title, described, note: undefined, device };
}

/** The URL of the document's server; undefined when it is relative to an unknown place. */
function serverOf(document: JsonObject, source: string | undefined): string | undefined {
  try {
    const { origin, path } = parseServer(openapiServerUrl(new SpecDocument(document), {}, {}), source);
    return origin + path;
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}
