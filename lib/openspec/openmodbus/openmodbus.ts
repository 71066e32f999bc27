import { serialMissing, type ModbusDriver } from '../../drivers/modbus/modbus.ts';
import { messageOf, SpecError } from '../../errors.ts';
import type { CompiledSpec, OpenspecKind, Selection } from '../kind.ts';
import { createModbusTool, endpointsOf } from './modbus-tool.ts';
import { readDocument, type ModbusFunction } from './read-document.ts';

/**
 * OpenModbus 1.0.0 documents: every function is a tool [contract: OpenModbus]. Any fault refuses the whole document, with
 * all of them by JSON pointer: a document that is wrong in one place about a machine is not to be trusted in another.
 */
export function openmodbus(modbus: ModbusDriver): OpenspecKind {
  return {
    name: 'openmodbus',
    detect: (document) => 'openmodbus' in document,
    async compile(document, { include, exclude }) {
      const { title, server, functions, warnings } = readDocument(document);
      if (server.endpoint.type === 'serial' && !(await modbus.serialInstalled())) {
        throw refusal('/server/type', `an RTU or ASCII device ${serialMissing}`);
      }
      const chosen = functions.filter(
        (entry) =>
          (include === undefined || isChosen(entry, include)) && !(exclude && isChosen(entry, exclude)),
      );
      const endpointOf = endpointsOf(server.endpoint);
      const spec: CompiledSpec = {
        kind: 'openmodbus',
        title,
        operations: functions.length,
        tools: chosen.map((entry) => createModbusTool(modbus, server, endpointOf, entry)),
        skipped: functions
          .filter((entry) => !chosen.includes(entry))
          .map(({ name }) => ({ operation: name, reason: 'not selected' })),
        warnings: [...warnings],
      };
      try {
        return { ...spec, close: modbus.reserve(server.endpoint) };
      } catch (error) {
        throw refusal('/server/config', messageOf(error));
      }
    },
  };
}

function refusal(pointer: string, detail: string): SpecError {
  return new SpecError(`The OpenModbus document cannot be used: ${detail}`, [{ pointer, detail }]);
}

/** Whether a function fits every list of a selection: its method (read, write), its name as path; it has no tags. */
function isChosen({ method, name }: ModbusFunction, { tags, methods, paths }: Selection): boolean {
  if (tags !== undefined) return false;
  if (methods !== undefined && !methods.some((each) => each.toLowerCase() === method)) return false;
  return paths === undefined || paths.some((path) => fits(name, path));
}

function fits(name: string, path: string): boolean {
  return path.endsWith('*') ? name.startsWith(path.slice(0, -1)) : name === path;
}
