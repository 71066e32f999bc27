import { serialMissing, type ModbusDriver } from '../../drivers/modbus/modbus.ts';
import type { Connection } from '../../core/tool.ts';
import type { Endpoint } from '../../drivers/modbus/endpoint.ts';
import { AppError, messageOf, SpecError } from '../../errors.ts';
import type { OpenspecKind } from '../kind.ts';
import { isSelected } from '../operation-filter.ts';
import { createModbusTool, endpointsOf } from './modbus-tool.ts';
import { readDocument } from './read-document.ts';
import { openmodbusNames } from './names.ts';

/**
 * OpenModbus 1.0.0 documents: every function is a tool [contract: OpenModbus]. Any fault refuses the whole document, with
 * all of them by JSON pointer: a document that is wrong in one place about a machine is not to be trusted in another.
 */
export function openmodbus(modbus: ModbusDriver): OpenspecKind {
  return {
    ...openmodbusNames,
    async compile(document, options) {
      const { title, server, functions, warnings } = readDocument(document);
      if (server.endpoint.type === 'serial' && !(await modbus.serialInstalled())) {
        throw refusal('/server/type', `an RTU or ASCII device ${serialMissing}`);
      }
      // A function has no tags. Its name is used as the path.
      const chosen = functions.filter(({ method, name }) =>
        isSelected({ tags: [], method, path: name }, options),
      );
      const endpointOf = endpointsOf(server.endpoint);
      return {
        kind: openmodbusNames.name,
        title,
        operations: functions.length,
        tools: chosen.map((entry) => createModbusTool(modbus, server, endpointOf, entry)),
        skipped: functions
          .filter((entry) => !chosen.includes(entry))
          .map(({ name }) => ({ operation: name, reason: 'not selected' })),
        warnings: [...warnings],
        reserve: (connection) => reserve(modbus, endpointOf, connection),
      };
    },
  };
}

/**
 * Reserves the endpoint that a session really calls: the document's own address may be a placeholder that nobody uses.
 * Throws a SpecError when another document in use has other link settings for it.
 */
function reserve(
  modbus: ModbusDriver,
  endpointOf: (connection: Connection) => Endpoint,
  connection: Connection,
): () => void {
  let endpoint: Endpoint;
  try {
    endpoint = endpointOf(connection);
  } catch (error) {
    // An address that cannot be used is no one's. Each call is refused with the reason.
    if (error instanceof AppError) return () => undefined;
    throw error;
  }
  try {
    return modbus.reserve(endpoint);
  } catch (error) {
    throw refusal('/server/config', messageOf(error));
  }
}

function refusal(pointer: string, detail: string): SpecError {
  return new SpecError(`The OpenModbus document cannot be used: ${detail}`, [{ pointer, detail }]);
}
