import { isObject, type JsonObject } from '../../common/json.ts';
import {
  failed,
  type CallContext,
  type Connection,
  type Effect,
  type JsonSchema,
  type Tool,
} from '../../core/tool.ts';
import type { Risk, ToolResult } from '../../core/message.ts';
import type { HttpContext, HttpDriver, HttpRequest } from '../../drivers/http.ts';
import type { DescribedTool } from '../describe-spec.ts';
import { describeHttpRequest } from '../describe-request.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import { blotOwnSecrets, knowSecrets } from '../../secrets.ts';
import { jsonAnswerOf } from './json-answer.ts';
import { acceptOf } from './accept.ts';
import { digestAnswer } from './digest.ts';
import type { SpecDocument } from '../spec-document.ts';
import { credentialFault } from '../credential-origins.ts';
import { tokenUrlOf, type DeviceTokens } from './device-tokens.ts';
import type { FoundOperation } from './operations.ts';
import type { OperationPlan, Planner } from './plan.ts';
import { completed, fillRequest, type RequestTemplate } from './request.ts';
import type { RequestShape } from './request-shape.ts';
import { addDocumentKeys, type createSecurity, type CallCredentials } from './security.ts';
import { parseServer, openapiServerUrl, type ServerRoot } from './servers.ts';

/** One operation of a document, with its parameters and its body. */
export interface Operation extends FoundOperation {
  shape: RequestShape;
}

/** The parts that all operations of one document share. */
export interface SharedParts {
  document: SpecDocument;
  http: HttpDriver;
  security: ReturnType<typeof createSecurity>;
  tokens: DeviceTokens;
  planner: Planner;
  source: string | undefined;
}

/** The `error.code` of a call that failed before it was sent. */
const CODES: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'invalid_arguments',
  spec_invalid: 'invalid_server',
  stopped: 'cancelled',
  timeout: 'ETIMEDOUT',
};

/** The part of a tool that a model sees, without its parameters. */
interface ToolFace {
  name: string;
  description: string;
  effect: Effect;
  risk?: Risk;
}

/** An operation as a tool. Its parameters are worked out when somebody looks at them first. */
export class OperationTool implements Tool {
  readonly name: string;
  readonly description: string;
  readonly effect: Effect;
  readonly risk: Risk | undefined;
  readonly operation: string;
  readonly #operation: Operation;
  readonly #shared: SharedParts;
  /** Made at the first look: most operations of a large document are never called. */
  #plan: OperationPlan | undefined;
  #notes: Pick<OperationPlan, 'warnings' | 'documentWarnings'> | undefined;
  #template: RequestTemplate | undefined;
  /** The server of the last call: sessions call the same one again and again. */
  #lastServer: { server: string | undefined; root: ServerRoot } | undefined;

  constructor(operation: Operation, face: ToolFace, shared: SharedParts) {
    this.name = face.name;
    this.description = face.description;
    this.effect = face.effect;
    this.risk = face.risk;
    this.operation = `${operation.method} ${operation.path}`;
    this.#operation = operation;
    this.#shared = shared;
  }

  get parameters(): JsonSchema {
    return this.plan.parameters;
  }

  /** Made when somebody looks at it, and not kept. */
  get answer(): JsonSchema | undefined {
    const { node, home } = this.#operation;
    return jsonAnswerOf(this.#shared.document, node, home);
  }

  /** The arguments of the operation, and how they become a request. */
  get plan(): OperationPlan {
    return (this.#plan ??= this.#shared.planner.planOf(this.#operation.shape));
  }

  /** The odd things about the operation, and about the document, that its plan found. */
  get notes(): Pick<OperationPlan, 'warnings' | 'documentWarnings'> {
    return (this.#notes ??= notesOf(this.plan));
  }

  /**
   * A tool in JSON holds its parameters, too, which a getter makes. A plan that nobody asked for is not kept: a document of
   * 11,000 operations is printed one tool after the other.
   */
  toJSON(): DescribedTool {
    const { name, description, effect, risk, operation, answer } = this;
    const plan = this.#plan ?? this.#shared.planner.planOf(this.#operation.shape);
    this.#notes ??= notesOf(plan);
    return { name, description, parameters: plan.parameters, operation, effect, risk, answer };
  }

  /** The origin of the server that a call would use; undefined where no server is usable. */
  device(connection: Connection): string | undefined {
    try {
      return this.#serverFor(connection).origin;
    } catch (error) {
      if (error instanceof AppError) return undefined; // The call itself reports the fault.
      throw error;
    }
  }

  /** The arguments that a call with these arguments sends: those given, with numbers for digits, and the defaults of required ones. */
  complete(args: JsonObject): JsonObject {
    return completed(this.plan, args);
  }

  preview(args: JsonObject, connection: Connection): JsonObject {
    const credentials = this.#shared.security.signIn(this.#requestTemplate.requirements, connection);
    addDocumentKeys(credentials, this.#operation.shape.keys);
    try {
      const root = this.#serverFor(connection);
      const request = fillRequest(this.#requestTemplate, args, root, credentials);
      return blotOwnSecrets(describeHttpRequest(request), credentials.secrets);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { fault: error.message };
    }
  }

  /** Calls the device. Resolves in any case: a failure before the request was sent has `effect: "none"`. */
  async call(args: JsonObject, context: CallContext): Promise<ToolResult> {
    const { security, tokens } = this.#shared;
    const credentials = security.signIn(this.#requestTemplate.requirements, context.connection);
    addDocumentKeys(credentials, this.#operation.shape.keys);
    knowSecrets(credentials.secrets); // the device may send them back in an error that is logged
    const left = leftOf(context);
    try {
      // The token is asked for only when its server and the origin of the credentials are known to be right.
      const root = this.#serverFor(context.connection);
      this.#checkOrigin(credentials, context.connection, root);
      let token: string | undefined;
      if (credentials.grant !== undefined) {
        token = await tokens.tokenFor(credentials.grant, root.origin + root.path, left());
        credentials.headers['authorization'] = `Bearer ${token}`;
        credentials.secrets.push(token);
        knowSecrets([token]);
      }
      const request = fillRequest(this.#requestTemplate, args, root, credentials);
      const result = await this.#send(request, credentials, left);
      // The device no longer takes this token: the next call asks for another one.
      if (token !== undefined && result['statusCode'] === 401) tokens.forget(token);
      return blotOwnSecrets(this.#explained(result, context.connection), credentials.secrets);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const failure = failed(CODES[error.code] ?? error.code, error.message, 'none');
      return blotOwnSecrets(failure, credentials.secrets);
    }
  }

  /** A refusal of the device for want of a credential, with the words about the credential. */
  #explained(result: ToolResult, connection: Connection): ToolResult {
    const { statusCode, error } = result;
    if ((statusCode !== 401 && statusCode !== 403) || !isObject(error)) return result;
    const hint = this.#shared.security.hintFor(this.#requestTemplate.requirements, connection);
    if (hint === undefined) return result;
    const said = typeof error['message'] === 'string' ? `${error['message'].replace(/\.$/, '')}. ` : '';
    return { ...result, error: { ...error, message: said + hint } };
  }

  /** The parts of a request that no argument changes, made at the first call. */
  get #requestTemplate(): RequestTemplate {
    const { method, path, node, home } = this.#operation;
    const { document, security } = this.#shared;
    return (this.#template ??= {
      method,
      path,
      effect: this.effect,
      accept: acceptOf(document, node, home),
      plan: this.plan,
      requirements: security.requirementsOf(node),
    });
  }

  /** The server of a session, else the document's; a server without a scheme is on HTTP. */
  #serverFor({ server }: Connection): ServerRoot {
    if (this.#lastServer === undefined || this.#lastServer.server !== server) {
      const { item, node } = this.#operation;
      const { document, source } = this.#shared;
      const isUrl = server === undefined || /^[a-z][a-z0-9+.-]*:\/\/|^\//i.test(server);
      const url = isUrl ? server : `http://${server}`;
      const root = parseServer(url ?? openapiServerUrl(document, item, node), source);
      this.#lastServer = { server, root };
    }
    return this.#lastServer.root;
  }

  /** Throws when credentials of the session would go to an origin that they do not belong to. */
  #checkOrigin({ isSignedIn, grant }: CallCredentials, connection: Connection, root: ServerRoot): void {
    if (!isSignedIn) return;
    const { document, source } = this.#shared;
    const base = root.origin + root.path;
    for (const target of [base, ...(grant === undefined ? [] : [tokenUrlOf(grant, base)])]) {
      const fault = credentialFault(connection, target, source, () => openapiServerUrl(document, {}, {}));
      if (fault !== undefined) throw new AppError('forbidden', fault);
    }
  }

  /** Sends a request; with a digest user it is sent again with the answer to the device's challenge. */
  async #send(
    request: HttpRequest,
    { digest: user, secrets }: CallCredentials,
    left: () => HttpContext,
  ): Promise<ToolResult> {
    const { http } = this.#shared;
    if (user === undefined) return http.send(request, left());
    const first = await http.follow(request, left());
    const challenge = first.statusCode === 401 ? first.headers['www-authenticate'] : undefined;
    const header = challenge === undefined ? undefined : [challenge].flat().join(', ');
    // The answer holds for one path only, so it goes straight to the path that asked for it [RFC 7616 3.4.6].
    const asked = { ...request, path: first.redirectedTo ?? request.path };
    const answer = header === undefined ? undefined : digestAnswer(header, asked, user);
    if (answer === undefined) return http.resultOf(request, first);
    secrets.push(...(/ response="([^"]+)"/.exec(answer)?.slice(1) ?? [])); // a password can be guessed from it
    // A 401 says that the request was refused and not carried out, so a write is still carried out at most once.
    return http.send({ ...asked, headers: { ...request.headers, authorization: answer } }, left());
  }
}

/** The signal of a call, and the time that is left of it when somebody asks. */
function leftOf({ connection, signal, mayLeave, onPart, timeoutMs }: CallContext): () => HttpContext {
  const startedAt = performance.now();
  return () => ({
    connection,
    signal,
    mayLeave,
    onPart,
    timeoutMs: Math.max(1, timeoutMs - (performance.now() - startedAt)),
  });
}

function notesOf({
  warnings,
  documentWarnings,
}: OperationPlan): Pick<OperationPlan, 'warnings' | 'documentWarnings'> {
  return { warnings, documentWarnings };
}
