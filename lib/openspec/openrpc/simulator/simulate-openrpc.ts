import { decodeText } from '../../../drivers/decode-text.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { jsonAnswer, openSite, type SiteAnswer, type SiteRequest } from '../../../simulate/http-site.ts';
import { jsonValueOf } from '../../../simulate/json-text.ts';
import type { Simulated } from '../../../simulate/simulated.ts';
import type { SimulateHttpOptions } from '../../openapi/simulator/simulate-openapi.ts';
import { SpecDocument } from '../../spec-document.ts';
import { openrpcServerUrl } from '../server.ts';
import { OpenrpcDevice, rpcError, RpcErrorCode } from './openrpc-device.ts';

/** The most calls of one request. */
const BATCH_MAX_COUNT = 1000;
/** The JSON-RPC error codes that a fault may have. */
const EXCEPTION_CODES = [-32768, 32767] as const;

/**
 * Serves an OpenRPC document as a device on JSON-RPC 2.0 over HTTP, at the path of the document's server. It answers from
 * examples and schemas, the same every time. A getter gives the value that its setter set (`setColor` and `getColor`,
 * `color`, or a method that gives the same object). It refuses params that do not fit, with the reason, and gives its
 * document to `rpc.discover`. Rejects when the port is taken.
 */
export async function simulateOpenrpc(
  root: JsonObject,
  { host, port, files = new Map(), source }: SimulateHttpOptions = {},
): Promise<Simulated> {
  const device = new OpenrpcDevice(new SpecDocument(root, files, source));
  const server = openrpcServerUrl([root['servers']], source);
  const path = 'url' in server ? new URL(server.url).pathname : '/';
  const site = await openSite({
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    answer: (request) => answerCalls(request, path, (call) => device.answer(call)),
    refuse: (code, request) =>
      answerCalls(request, path, (call) => {
        const id = isObject(call) ? call['id'] : null;
        return id === undefined ? undefined : rpcError(id, code, 'The simulated device was told to fail.');
      }),
  });
  return {
    server: `${site.url}${path}`,
    exceptionCodes: EXCEPTION_CODES,
    usedAt: () => site.usedAt(),
    state: () => device.state(),
    value: (name) => device.value(name),
    set: (name, value) => device.set(name, value),
    fault: (next) => site.fault(next),
    close: () => site.close(),
  };
}

/** Answers a request that holds one call or a batch [JSON-RPC 2.0 6]; `answer` gives undefined for a notification. */
function answerCalls(
  request: SiteRequest,
  path: string,
  answer: (call: JsonValue) => JsonObject | undefined,
): SiteAnswer {
  if (request.path !== path) return jsonAnswer(404, { message: `calls go to ${path}` });
  if (request.method !== 'POST') {
    return { ...jsonAnswer(405, { message: 'calls are sent with POST' }), headers: { allow: 'POST' } };
  }
  const call = jsonValueOf(decodeText(request.body));
  if (call === undefined) return jsonAnswer(200, rpcError(null, RpcErrorCode.PARSE_ERROR, 'Parse error'));
  if (!Array.isArray(call)) {
    const response = answer(call);
    return response === undefined ? { status: 204 } : jsonAnswer(200, response);
  }
  if (call.length === 0 || call.length > BATCH_MAX_COUNT) {
    const message = `Invalid Request: a batch has 1 to ${BATCH_MAX_COUNT} calls`;
    return jsonAnswer(200, rpcError(null, RpcErrorCode.INVALID_REQUEST, message));
  }
  const responses = call.map(answer).filter((response) => response !== undefined);
  return responses.length === 0 ? { status: 204 } : jsonAnswer(200, responses);
}
