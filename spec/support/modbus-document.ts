import type { JsonObject } from '../../lib/common/json.ts';

/** An entry of `functions`: by default a read of one uint16 in holding register 0 of unit 1. */
export function functionOf(
  given: { name?: string; method?: string; value?: JsonObject; path?: JsonObject } & JsonObject = {},
): JsonObject {
  const { name = 'get', method = 'read', value = {}, path = {}, ...more } = given;
  return {
    name,
    method,
    path: { slaveId: 1, storage: 'holdingRegisters', address: 0, ...path },
    [method === 'write' ? 'parameter' : 'return']: { name: 'value', type: 'uint16', ...value },
    ...more,
  };
}

/** An OpenModbus document on TCP with these functions; `config` is added to the server's. */
export function documentOf(
  functions: JsonObject[],
  config: JsonObject = {},
  type: 'tcp' | 'udp' | 'rtu' | 'ascii' = 'tcp',
): JsonObject {
  const place =
    type === 'tcp' || type === 'udp'
      ? { url: '127.0.0.1', port: 502 }
      : { port: '/dev/ttyX', baudRate: 9600 };
  return {
    openmodbus: '1.0.0',
    info: { title: 'Device', description: '', version: '1.0.0' },
    server: { type, config: { ...place, ...config } },
    functions,
  };
}
