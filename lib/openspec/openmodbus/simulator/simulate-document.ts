import type { JsonObject } from '../../../common/json.ts';
import { endpointName } from '../../../drivers/modbus/endpoint.ts';
import { AppError } from '../../../errors.ts';
import { startNear, type SimulateOptions, type Simulation } from '../../../simulate/simulation.ts';
import { openmodbusNames } from '../names.ts';
import { readDocument } from '../read-document.ts';
import { simulateModbus } from './simulate-modbus.ts';

/**
 * Serves an OpenModbus document as a device. A device of a serial line stands at a pseudo terminal; where socat is not
 * installed it stands on Modbus TCP, and the note says so.
 */
export async function simulateOpenmodbusDocument(
  document: JsonObject,
  { host = '127.0.0.1', port, drift = false }: SimulateOptions,
): Promise<Simulation> {
  const { server, title } = readDocument(document);
  const { endpoint } = server;
  const facts = { kind: openmodbusNames.name, title, described: endpointName(endpoint) };
  if (endpoint.type !== 'serial') {
    const device = await startNear(
      (at) => simulateModbus(document, { host, port: at, drift }),
      port,
      endpoint,
    );
    return { ...facts, note: undefined, device };
  }
  try {
    return { ...facts, note: undefined, device: await simulateModbus(document, { pty: true, drift }) };
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    const note = `socat is not installed, so it is on Modbus TCP instead of ${endpoint.framing.toUpperCase()}: a document of type tcp reaches it`;
    return { ...facts, note, device: await simulateModbus(document, { host, port: port ?? 0, drift }) };
  }
}

function isNotInstalled(error: unknown): boolean {
  return error instanceof AppError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
