import type { JsonObject } from '../../common/json.ts';
import { failed, type CallContext, type Connection, type Effect, type Tool } from '../../core/tool.ts';
import type { ToolResult } from '../../core/message.ts';
import type { HttpDriver, HttpRequest } from '../../drivers/http.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import { acceptOf } from './accept.ts';
import { digestAnswer } from './digest.ts';
import type { SpecDocument } from '../spec-document.ts';
import type { DeviceTokens } from './device-tokens.ts';
import type { FoundOperation } from './operations.ts';
import type { OperationPlan } from './plan.ts';
import { fillRequest, type RequestTemplate } from './request.ts';
import type { RequestShape } from './request-shape.ts';
import { redacted } from './redact.ts';
import type { createSecurity, CallCredentials } from './security.ts';
import { parseServer, openapiServerUrl, type ServerRoot } from './servers.ts';

/** One operation, as it stands in the document, with what it takes. */
export interface Operation extends FoundOperation {
  shape: RequestShape;
}

/** What the operations of one document share. */
export interface Shared {
  document: SpecDocument;
  http: HttpDriver;
  security: ReturnType<typeof createSecurity>;
  tokens: DeviceTokens;
  planOf: (shape: RequestShape) => OperationPlan;
  source: string | undefined;
}

// What a call says that failed before it was sent.
const CODES: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'invalid_arguments',
  spec_invalid: 'invalid_server',
  stopped: 'cancelled',
  timeout: 'ETIMEDOUT',
};

/** An operation as a tool; what it takes is worked out when it is first looked at. */
export function operationTool(
  operation: Operation,
  face: { name: string; description: string; effect: Effect },
  shared: Shared,
): Tool & { plan(): OperationPlan } {
  const { method, path, node, item, home } = operation;
  const { document, http, security, tokens } = shared;
  let planned: OperationPlan | undefined;
  let ready: RequestTemplate | undefined;
  let standing: { server: string | undefined; base: ServerRoot } | undefined;

  const plan = () => (planned ??= shared.planOf(operation.shape));

  const target = (): RequestTemplate =>
    (ready ??= {
      method,
      path,
      effect: face.effect,
      accept: acceptOf(document, node, home),
      plan: plan(),
      requirements: security.requirementsOf(node),
    });

  function baseFor({ server }: Connection): ServerRoot {
    if (standing === undefined || standing.server !== server) {
      const given =
        server === undefined || /^[a-z][a-z0-9+.-]*:\/\/|^\//i.test(server) ? server : `http://${server}`;
      standing = {
        server,
        base: parseServer(given ?? openapiServerUrl(document, item, node), shared.source),
      };
    }
    return standing.base;
  }

  async function call(args: JsonObject, context: CallContext): Promise<ToolResult> {
    const startedAt = performance.now();
    const left = () => ({
      signal: context.signal,
      timeoutMs: Math.max(1, context.timeoutMs - (performance.now() - startedAt)),
    });
    const { requirements } = target();
    const signIn = security.signIn(requirements, context.connection);
    try {
      const base = baseFor(context.connection);
      let token: string | undefined;
      if (signIn.grant !== undefined) {
        token = await tokens.tokenFor(signIn.grant, base.origin + base.path, left());
        signIn.headers['authorization'] = `Bearer ${token}`;
        signIn.secrets.push(token);
      }
      const request = fillRequest(target(), args, base, signIn);
      const result =
        signIn.digest === undefined
          ? await http.send(request, left())
          : await sendDigest(request, signIn.digest, left);
      if (token !== undefined && result['statusCode'] === 401) tokens.forget(token);
      return redacted(result, signIn.secrets);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return redacted(failed(CODES[error.code] ?? error.code, error.message, 'none'), signIn.secrets);
    }
  }

  // A 401 says that the request was refused: it was not carried out, and may be asked again with the answer.
  async function sendDigest(
    request: HttpRequest,
    user: NonNullable<CallCredentials['digest']>,
    left: () => Pick<CallContext, 'signal' | 'timeoutMs'>,
  ): Promise<ToolResult> {
    const first = await http.exchange(request, left());
    const challenge = first.headers['www-authenticate'];
    const header =
      first.statusCode === 401 && challenge !== undefined ? [challenge].flat().join(', ') : undefined;
    const answer = header === undefined ? undefined : digestAnswer(header, request, user);
    if (answer === undefined) return http.resultOf(request, first);
    return http.send({ ...request, headers: { ...request.headers, authorization: answer } }, left());
  }

  return {
    ...face,
    operation: `${method} ${path}`,
    get parameters() {
      return plan().parameters;
    },
    plan,
    call,
  };
}
