import { isObject, type JsonObject } from '../../common/json.ts';
import { createPauses } from '../../common/pauses.ts';
import type { Effect, JsonSchema, Tool } from '../../core/tool.ts';
import type { JsonrpcDriver } from '../../drivers/jsonrpc.ts';
import { messageOf, SpecError } from '../../errors.ts';
import { effectWarning } from '../effect-word.ts';
import { EFFECT_KEY } from '../own-keys.ts';
import { readFilesBeside } from '../files.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind } from '../kind.ts';
import { toolNameOf, uniqueNames } from '../names.ts';
import { objectAt, textAt } from '../read.ts';
import { answerSchema } from '../schema/answer-schema.ts';
import { ArgumentSchemas } from '../schema/argument-schemas.ts';
import { SpecDocument } from '../spec-document.ts';
import { jsonSchemaDialect } from '../schema/json-schema-dialect.ts';
import { createMethodTool, structureOf } from './method-tool.ts';
import { describeMethod, isMethodSelected, methodEntriesOf } from './methods.ts';
import { objectAtRef, readMethodParams } from './params.ts';
import { riskOf } from '../risk.ts';
import { openrpcServerUrl } from './server.ts';
import { openrpcNames } from './names.ts';

/** OpenRPC documents: each method becomes a tool, called by JSON-RPC 2.0 over HTTP [OpenRPC 1.0 to 1.4]. */
export function openrpc(jsonrpc: JsonrpcDriver): OpenspecKind {
  return {
    ...openrpcNames,
    async compile(root, options) {
      const { files, warnings } = await readFilesBeside(root, options.source);
      const document = new SpecDocument(root, files, options.source);
      return new OpenrpcCompiler(document, options, jsonrpc).compile(warnings);
    },
  };
}

/** What a schema lost that was too large for a model, for the warnings. */
const TRIMMED = {
  descriptions: 'descriptions are shortened',
  depth: 'deep members are left open',
  opaque: 'only the names of the arguments are given',
} as const;

/** One run over the methods of a document. */
class OpenrpcCompiler {
  readonly #document: SpecDocument;
  readonly #options: CompileOptions;
  readonly #jsonrpc: JsonrpcDriver;
  /** One for the whole document: its warnings come once, however many methods have the same fault. */
  readonly #schemas: ArgumentSchemas;
  readonly #uniqueName = uniqueNames();
  readonly #warnings: string[] = [];

  constructor(document: SpecDocument, options: CompileOptions, jsonrpc: JsonrpcDriver) {
    this.#document = document;
    this.#options = options;
    this.#jsonrpc = jsonrpc;
    this.#schemas = new ArgumentSchemas(document, jsonSchemaDialect);
  }

  async compile(fileWarnings: readonly string[]): Promise<CompiledSpec> {
    const { root } = this.#document;
    const tools: Tool[] = [];
    const skipped: CompiledSpec['skipped'] = [];
    const pause = createPauses();
    for (const [index, item] of methodEntriesOf(root).entries()) {
      await pause();
      const where = `methods/${index}`;
      try {
        const { node, home } = objectAtRef(this.#document, item, root, where);
        if (!isMethodSelected(this.#document, node, home, this.#options))
          throw new SpecError('left out by include or exclude');
        tools.push(this.#toolOf(node, home, where));
      } catch (error) {
        // A method that cannot be called costs no other method.
        if (!(error instanceof SpecError)) throw error;
        const operation = isObject(item) && typeof item['name'] === 'string' ? item['name'] : where;
        skipped.push({ operation, reason: messageOf(error) });
      }
    }
    const operations = tools.length + skipped.length;
    if (operations === 0) this.#warnings.push('The document has no methods, so there are no tools.');
    const warnings = [...new Set([...fileWarnings, ...this.#warnings, ...this.#schemas.warnings])];
    const title = textAt(objectAt(root, 'info'), 'title') ?? 'OpenRPC';
    return { kind: openrpcNames.name, title, operations, tools, skipped, warnings };
  }

  /** The tool of one method. Throws a SpecError for a method that cannot be called. */
  #toolOf(method: JsonObject, home: JsonObject, where: string): Tool {
    const { root } = this.#document;
    const { source, paramStructure } = this.#options;
    const operation = textAt(method, 'name');
    if (operation === undefined) throw new SpecError(`${where} has no name`);
    const params = readMethodParams(this.#document, method['params'], home);
    const { schema: parameters, names, defaults, trimmed } = this.#schemas.parameters(params.arguments);
    if (trimmed !== undefined)
      this.#warnings.push(`${operation}: ${TRIMMED[trimmed]} to keep its schema short.`);
    const server = openrpcServerUrl([method['servers'], root['servers']], source);
    if ('fault' in server)
      this.#warnings.push(`${server.fault}: calls need a server given with the document.`);
    const odd = effectWarning(operation, method[EFFECT_KEY]);
    if (odd !== undefined) this.#warnings.push(odd);
    // The entry of the session counts more than the document.
    const structure = structureOf(paramStructure ?? method['paramStructure'], params, root['openrpc']);
    // A method without a result is a notification: the device answers nothing.
    const notification = method['result'] === undefined;
    return createMethodTool(
      this.#jsonrpc,
      {
        operation,
        effect: effectOf(method),
        risk: riskOf(method),
        params,
        names,
        defaults,
        server,
        home: { server: openrpcServerUrl([root['servers']], source), source },
        structure,
        notification,
      },
      {
        name: this.#uniqueName(toolNameOf(operation)),
        description: describeMethod(method),
        parameters,
        answer: this.#answerOf(method, home),
      },
    );
  }

  /** The shape of the result of a method. */
  #answerOf(method: JsonObject, home: JsonObject): JsonSchema | undefined {
    const result = this.#document.object(method['result'], home);
    return result && answerSchema(this.#document, result.node['schema'], result.home, jsonSchemaDialect);
  }
}

/** A method may change the world unless its document says otherwise: a name promises nothing. */
function effectOf(method: JsonObject): Effect {
  return method[EFFECT_KEY] === 'read' ? 'read' : 'write';
}
