import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { AppError } from '../../../errors.ts';
import { applySetter, overlay } from '../../../simulate/setter.ts';
import { faultsOf, faultWords } from '../../schema/value-faults.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { freshResult, readMethods, readParams, type Method } from './methods.ts';

/** The error codes of JSON-RPC [JSON-RPC 2.0 5.1]. */
export const RpcErrorCode = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  /** The device cannot do it now: it holds no more values. */
  SERVER_ERROR: -32000,
} as const;

/** The most values that the device keeps. */
const VALUES_MAX_COUNT = 10_000;

/** An error response [JSON-RPC 2.0 5]. */
export function rpcError(
  id: JsonValue | undefined,
  code: number,
  message: string,
  data?: JsonObject,
): JsonObject {
  const more = data === undefined ? {} : { data };
  return { jsonrpc: '2.0', id: id ?? null, error: { code, message, ...more } };
}

/** The device behind an OpenRPC document: its answers, and the values that its setters set. */
export class OpenrpcDevice {
  readonly #root: JsonObject;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #getterOf: ReadonlyMap<Method, Method>;
  /** The methods whose value can be shown without arguments. */
  readonly #shown: readonly Method[];
  /** The values that were set, by the key of `#read`. */
  readonly #kept = new Map<string, JsonValue>();

  constructor(document: SpecDocument) {
    this.#root = document.root;
    this.#methods = readMethods(document);
    const methods = [...this.#methods.values()];
    this.#getterOf = pairGetters(methods);
    this.#shown = methods.filter(
      (method) =>
        method.result !== undefined &&
        !this.#getterOf.has(method) &&
        !method.params.some(({ required }) => required),
    );
  }

  /** The response to one call; undefined for a notification. */
  answer(call: JsonValue): JsonObject | undefined {
    const { jsonrpc, id, method: name, params } = isObject(call) ? call : {};
    if (jsonrpc !== '2.0' || typeof name !== 'string')
      return rpcError(null, RpcErrorCode.INVALID_REQUEST, 'Invalid Request');
    const response = this.#respond(name, params, id);
    return id === undefined ? undefined : response;
  }

  /** The values of all methods that can be shown, and each value that was set. */
  state(): Record<string, JsonValue | undefined> {
    return {
      ...Object.fromEntries(this.#shown.map((method) => [method.name, this.#read(method, {}).value])),
      ...Object.fromEntries(this.#kept),
    };
  }

  /** The value of a method; undefined where there is none. */
  value(name: string): JsonValue | undefined {
    const method = this.#shown.find((one) => one.name === name);
    return method === undefined ? this.#kept.get(name) : this.#read(method, {}).value;
  }

  /** Puts a value in place. Throws an AppError: `not_found`, or `invalid_request` when the value does not fit. */
  set(name: string, value: JsonValue): void {
    const method = this.#shown.find((one) => one.name === name);
    if (method?.result === undefined) throw new AppError('not_found', `the device has no value ${name}`);
    const faults = faultsOf(value, method.result, 'reply');
    if (faults.length > 0)
      throw new AppError('invalid_request', `${name}: ${faultWords(faults)}`, { faults });
    this.#keep(name, value);
  }

  /** The response to a call that has a method's name. */
  #respond(name: string, params: JsonValue | undefined, id: JsonValue | undefined): JsonObject {
    if (name === 'rpc.discover') return { jsonrpc: '2.0', id, result: this.#root };
    const method = this.#methods.get(name);
    if (method === undefined) return rpcError(id, RpcErrorCode.METHOD_NOT_FOUND, `Method not found: ${name}`);
    const { args, faults } = readParams(method, params);
    if (faults.length > 0) {
      const data = { errors: faults.map((fault) => ({ ...fault })) };
      return rpcError(id, RpcErrorCode.INVALID_PARAMS, `Invalid params: ${faultWords(faults)}`, data);
    }
    try {
      return { jsonrpc: '2.0', id, result: this.#run(method, args) };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return rpcError(id, RpcErrorCode.SERVER_ERROR, error.message);
    }
  }

  /** Carries a method out: a setter changes the value of its getter, any other method only answers. */
  #run(method: Method, args: JsonObject): JsonValue {
    const getter = this.#getterOf.get(method);
    if (getter === undefined) return this.#read(method, args).value;
    const { key, value } = this.#read(getter, args);
    // The arguments of the getter say which value is meant. The others are the new value, or all of them where there are no others.
    const others = Object.entries(args).filter(
      ([name]) => !getter.params.some((param) => param.name === name),
    );
    const next = applySetter(value, Object.fromEntries(others.length === 0 ? Object.entries(args) : others));
    if (next !== undefined) this.#keep(key, next);
    const isSame = method.result?.ref !== undefined && method.result.ref === getter.result?.ref;
    return isSame ? (next ?? value) : overlay(freshResult(method, args), next);
  }

  /** The value of a getter for these arguments; its key holds those of them that the getter takes. */
  #read(getter: Method, args: JsonObject): { key: string; value: JsonValue } {
    const own = Object.fromEntries(
      getter.params.filter(({ name }) => args[name] !== undefined).map(({ name }) => [name, args[name]]),
    );
    const key = Object.keys(own).length === 0 ? getter.name : `${getter.name} ${JSON.stringify(own)}`;
    return { key, value: this.#kept.get(key) ?? overlay(freshResult(getter, own), own) };
  }

  /** Keeps a value. The number of values is limited: clients could fill the memory with them. */
  #keep(key: string, value: JsonValue): void {
    if (this.#kept.size >= VALUES_MAX_COUNT && !this.#kept.has(key)) {
      throw new AppError(
        'limit_reached',
        `The simulated device holds ${VALUES_MAX_COUNT} values, and no more.`,
      );
    }
    this.#kept.set(key, value);
  }
}

/** The getter of each setter: the method of the same topic, else the method that gives the same object. */
function pairGetters(methods: readonly Method[]): Map<Method, Method> {
  const pairs = new Map<Method, Method>();
  const getters = methods.filter(({ topic, result }) => topic.verb !== 'set' && result !== undefined);
  for (const method of methods) {
    const { topic, readOnly, result, params } = method;
    // A method without params has no value to set.
    if (readOnly || params.length === 0) continue;
    const same = getters.find(
      (one) => topic.verb === 'set' && one !== method && one.topic.words === topic.words,
    );
    const alike =
      topic.verb === 'get' || result?.ref === undefined
        ? undefined
        : getters.find((one) => one.result?.ref === result.ref && one.params.length === 0);
    const getter = same ?? alike;
    if (getter !== undefined) pairs.set(method, getter);
  }
  return pairs;
}
