import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { AppError, type Fault } from '../../../errors.ts';
import { SpecDocument } from '../../spec-document.ts';
import { openrpcServerUrl } from '../server.ts';
import { faultsOf } from '../../schema/value-faults.ts';
import { jsonValueOf } from '../../../simulate/json-text.ts';
import type { DeviceFault } from '../../../simulate/fault.ts';
import { jsonAnswer, openSite, type SiteAnswer, type SiteRequest } from '../../../simulate/http-site.ts';
import { applySetter, overlay } from '../../../simulate/setter.ts';
import { readParams, freshResult, readMethods, type Method } from './methods.ts';
import type { SimulateHttpOptions } from '../../openapi/simulator/simulate-openapi.ts';
import type { Simulated } from '../../../simulate/simulated.ts';

const batchMaxCount = 1000;
const valuesMaxCount = 10_000;

/**
 * Serves an OpenRPC document as a device on JSON-RPC 2.0 over HTTP, at the path of the document's server: it answers from
 * examples and schemas, the same every time; what a setter sets, its getter gives (`setColor` and `getColor`, `color`, or a
 * method that gives the same object). It refuses params that do not fit, saying why, and gives its document to `rpc.discover`.
 * Rejects when the port is taken.
 */
export async function simulateOpenrpc(
  document: JsonObject,
  { host, port, files = new Map(), source }: SimulateHttpOptions = {},
): Promise<Simulated> {
  const methods = readMethods(new SpecDocument(document, files, source));
  const getterOf = pairsOf([...methods.values()]);
  const kept = new Map<string, JsonValue>();

  /** What a getter gives for these arguments; its key says which of its own arguments matter. */
  const read = (getter: Method, args: JsonObject): { key: string; value: JsonValue } => {
    const own = Object.fromEntries(
      getter.params.filter(({ name }) => args[name] !== undefined).map(({ name }) => [name, args[name]]),
    );
    const key = Object.keys(own).length === 0 ? getter.name : `${getter.name} ${JSON.stringify(own)}`;
    return { key, value: kept.get(key) ?? overlay(freshResult(getter, own), own) };
  };
  const keep = (key: string, value: JsonValue): void => {
    if (kept.size >= valuesMaxCount && !kept.has(key)) {
      throw new AppError(
        'limit_reached',
        `The simulated device holds ${valuesMaxCount} values, and no more.`,
      );
    }
    kept.set(key, value);
  };

  const run = (method: Method, args: JsonObject): JsonValue => {
    const getter = getterOf.get(method);
    if (getter === undefined) return read(method, args).value;
    const { key, value } = read(getter, args);
    const others = Object.entries(args).filter(
      ([name]) => !getter.params.some((param) => param.name === name),
    );
    const next = applySetter(value, Object.fromEntries(others.length === 0 ? Object.entries(args) : others));
    if (next !== undefined) keep(key, next);
    const result = freshResult(method, args);
    const same = method.result?.ref !== undefined && method.result.ref === getter.result?.ref;
    return same ? (next ?? value) : overlay(result, next);
  };

  const answer = (call: JsonValue): JsonObject | undefined => {
    const { jsonrpc, id, method: name, params } = isObject(call) ? call : {};
    if (jsonrpc !== '2.0' || typeof name !== 'string') return failure(null, -32600, 'Invalid Request');
    const respond = (response: JsonObject): JsonObject | undefined =>
      id === undefined ? undefined : response;
    if (name === 'rpc.discover') return respond({ jsonrpc, id, result: document });
    const method = methods.get(name);
    if (method === undefined) return respond(failure(id, -32601, `Method not found: ${name}`));
    const { args, faults } = readParams(method, params);
    if (faults.length > 0) {
      const data = { errors: faults.map((fault) => ({ ...fault })) };
      return respond(failure(id, -32602, `Invalid params: ${wordsOf(faults)}`, data));
    }
    try {
      return respond({ jsonrpc, id, result: run(method, args) });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return respond(failure(id, -32000, error.message));
    }
  };

  const place = openrpcServerUrl([document['servers']], source);
  const path = 'url' in place ? new URL(place.url).pathname : '/';
  const handle = (request: SiteRequest, each: (call: JsonValue) => JsonObject | undefined): SiteAnswer => {
    if (request.path !== path) return jsonAnswer(404, { message: `calls go to ${path}` });
    if (request.method !== 'POST') {
      return { ...jsonAnswer(405, { message: 'calls are sent with POST' }), headers: { allow: 'POST' } };
    }
    const call = jsonValueOf(request.body.toString('utf8'));
    if (call === undefined) return jsonAnswer(200, failure(null, -32700, 'Parse error'));
    if (!Array.isArray(call)) {
      const response = each(call);
      return response === undefined ? { status: 204 } : jsonAnswer(200, response);
    }
    if (call.length === 0 || call.length > batchMaxCount)
      return jsonAnswer(
        200,
        failure(null, -32600, `Invalid Request: a batch has 1 to ${batchMaxCount} calls`),
      );
    const responses = call.map(each).filter((response) => response !== undefined);
    return responses.length === 0 ? { status: 204 } : jsonAnswer(200, responses);
  };
  const site = await openSite({
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    answer: (request) => handle(request, answer),
    refuse: (code, request) =>
      handle(request, (call) => {
        const id = isObject(call) ? call['id'] : null;
        return id === undefined ? undefined : failure(id, code, 'The simulated device was told to fail.');
      }),
  });
  const shown = [...methods.values()].filter(
    (method) =>
      method.result !== undefined && !getterOf.has(method) && !method.params.some(({ required }) => required),
  );
  return {
    server: `${site.url}${path}`,
    exceptionCodes: [-32768, 32767],
    state: () => ({
      ...Object.fromEntries(shown.map((method) => [method.name, read(method, {}).value])),
      ...Object.fromEntries(kept),
    }),
    value(name) {
      const method = shown.find((one) => one.name === name);
      return method === undefined ? kept.get(name) : read(method, {}).value;
    },
    set(name, value) {
      const method = shown.find((one) => one.name === name);
      if (method?.result === undefined) throw new AppError('not_found', `the device has no value ${name}`);
      const faults = faultsOf(value, method.result, 'reply');
      if (faults.length > 0) throw new AppError('invalid_request', `${name}: ${wordsOf(faults)}`, { faults });
      keep(name, value);
    },
    fault: (next: DeviceFault | undefined) => site.fault(next),
    close: () => site.close(),
  };
}

/** The getter of each method that sets something: that of the same topic, else the one that gives the same object. */
function pairsOf(methods: readonly Method[]): Map<Method, Method> {
  const pairs = new Map<Method, Method>();
  const getters = methods.filter(({ topic, result }) => topic.verb !== 'set' && result !== undefined);
  for (const method of methods) {
    const { topic, readOnly, result, params } = method;
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

function failure(id: JsonValue | undefined, code: number, message: string, data?: JsonObject): JsonObject {
  return {
    jsonrpc: '2.0',
    id: id ?? null,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  };
}

function wordsOf(faults: readonly Fault[]): string {
  return faults.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join('; ');
}
