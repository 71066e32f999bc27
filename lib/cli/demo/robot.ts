import type { JsonObject, JsonValue } from '../../common/json.ts';
import { jsonValueOf } from '../../simulate/json-text.ts';
import type { SimulatedDevice } from './device.ts';
import { jsonAnswer, openSite } from '../../simulate/http-site.ts';

/** How many items the robot carries at most. */
const capacity = 10;

/** The simulated robot of examples/robot.openrpc.json: it moves between shelves, picks items and uses up its battery. */
export async function simulateRobot(port = 0): Promise<SimulatedDevice> {
  const robot = { shelf: 1, carries: 0, battery: 96 };

  const methods: Record<string, (params: unknown) => JsonValue> = {
    'robot.status': () => ({ ...robot }),
    'robot.battery': () => robot.battery,
    'robot.moveToShelf': (params) => {
      const shelf = wholeNumber(params, 'shelf', 1, 24);
      // In percent of the battery.
      const cost = Math.abs(shelf - robot.shelf) * 0.5;
      if (cost > robot.battery) throw new RpcFault(1001, 'battery too low');
      Object.assign(robot, { shelf, battery: robot.battery - cost });
      return { ...robot };
    },
    'robot.pick': (params) => {
      const quantity = wholeNumber(params, 'quantity', 1, capacity);
      if (robot.carries + quantity > capacity) {
        throw new RpcFault(1002, `the robot cannot carry more than ${capacity} items`);
      }
      robot.carries += quantity;
      return { ...robot };
    },
  };

  /** One JSON-RPC 2.0 call: the response, or undefined for a notification. */
  function answer(body: string): JsonObject | undefined {
    const call = jsonValueOf(body);
    if (call === undefined) return failure(null, -32700, 'Parse error');
    const { jsonrpc, id, method, params } = (call ?? {}) as JsonObject;
    if (jsonrpc !== '2.0' || typeof method !== 'string') return failure(null, -32600, 'Invalid Request');
    try {
      const act = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (act === undefined) throw new RpcFault(-32601, 'Method not found');
      const result = act(params);
      return id === undefined ? undefined : { jsonrpc: '2.0', id, result };
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error;
      return id === undefined ? undefined : failure(id, error.code, error.message);
    }
  }

  const site = await openSite({
    port,
    answer({ method, path, body }) {
      if (path !== '/rpc') return { status: 404 };
      if (method !== 'POST') return { status: 405 };
      const response = answer(body.toString('utf8'));
      return response === undefined ? { status: 204 } : jsonAnswer(200, response);
    },
  });
  return {
    server: `${site.url}/rpc`,
    state: () => `at shelf ${robot.shelf}, carries ${robot.carries}, battery ${robot.battery} %`,
    close: () => site.close(),
  };
}

/** An error response [JSON-RPC 2.0 5.1]. */
class RpcFault extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** An error as a response; `id` is null when the call could not be read [JSON-RPC 2.0 5]. */
function failure(id: JsonValue, code: number, message: string): JsonObject {
  return { jsonrpc: '2.0', id, error: { code, message } };
}

/** A parameter by name, or the first by position. */
function wholeNumber(params: unknown, name: string, least: number, most: number): number {
  const value: unknown = Array.isArray(params)
    ? params[0]
    : (params as JsonObject | null | undefined)?.[name];
  if (!Number.isInteger(value) || Number(value) < least || Number(value) > most) {
    throw new RpcFault(-32602, `Invalid params: ${name} is a whole number from ${least} to ${most}`);
  }
  return Number(value);
}
