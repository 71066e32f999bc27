import type { JsonObject } from '../../common/json.ts';
import { createPauses } from '../../common/pauses.ts';
import type { Risk } from '../../core/message.ts';
import type { Effect } from '../../core/tool.ts';
import type { HttpDriver } from '../../drivers/http.ts';
import { SpecError } from '../../errors.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind } from '../kind.ts';
import { effectWarning } from '../effect-word.ts';
import { EFFECT_KEY } from '../own-keys.ts';
import { readFilesBeside } from '../files.ts';
import { isSelected } from '../operation-filter.ts';
import { SpecDocument } from '../spec-document.ts';
import { shorten } from '../shorten.ts';
import { operationToolName, uniqueNames } from '../names.ts';
import { DeviceTokens } from './device-tokens.ts';
import { OperationTool, type SharedParts } from './operation-tool.ts';
import { checkUsable, misspeltOperations, operationsOf, type FoundOperation } from './operations.ts';
import { Planner } from './plan.ts';
import { objectAt, saidAt, textAt, textsAt } from '../read.ts';
import { requestShapeOf, type RequestShape } from './request-shape.ts';
import { riskOf } from '../risk.ts';
import { createSecurity } from './security.ts';
import { openapiServerUrl } from './servers.ts';
import { validateOpenapi } from './validate.ts';
import { openapiNames } from './names.ts';

/** Methods that change nothing, where the document does not say otherwise. */
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Model APIs accept no longer description of a tool. */
const DESCRIPTION_MAX_LENGTH = 1024;

/** OpenAPI 3.0, 3.1, 3.2 and Swagger 2.0: one tool for each operation of each path. */
export function openapi(http: HttpDriver): OpenspecKind {
  // All documents share their tokens, so that a device is not asked for one by each session.
  const tokens = new DeviceTokens(http);

  return {
    ...openapiNames,
    async compile(root, options) {
      checkUsable(root);
      const warnings = options.validate === true ? await validateOpenapi(root) : [];
      const { files, warnings: unread } = await readFilesBeside(root, options.source);
      warnings.push(...unread);
      const document = new SpecDocument(root, files, options.source);
      const security = createSecurity(document);
      const shared: SharedParts = {
        document,
        http,
        security,
        tokens,
        planner: new Planner(document),
        source: options.source,
      };
      return compile(shared, options, warnings);
    },
  };
}

/** Makes a tool of each operation that the session wants; the others are skipped with the reason. */
async function compile(
  shared: SharedParts,
  options: CompileOptions,
  warnings: string[],
): Promise<CompiledSpec> {
  const { document } = shared;
  const tools: OperationTool[] = [];
  const skipped: CompiledSpec['skipped'] = misspeltOperations(document);
  const unique = uniqueNames();
  const pause = createPauses();
  // A relative server is below the URL that the document came from.
  let isServerKnown = /^https?:/i.test(options.source ?? '');

  for (const found of operationsOf(document, warnings)) {
    await pause();
    const { method, path, node, item } = found;
    const operation = `${method} ${path}`;
    // Named before anything is left out: a selection does not change names.
    const name = unique(operationToolName(textAt(node, 'operationId'), method, path));
    if (!isSelected({ tags: textsAt(node, 'tags'), method, path }, options)) {
      skipped.push({ operation, reason: 'left out by include or exclude' });
      continue;
    }
    const read = readOperation(document, found);
    if (typeof read === 'string') {
      skipped.push({ operation, reason: read });
      continue;
    }
    const { shape, risk } = read;
    isServerKnown ||= /^https?:/i.test(openapiServerUrl(document, item, node));
    const odd = effectWarning(operation, node[EFFECT_KEY] ?? item[EFFECT_KEY]);
    if (odd !== undefined) warnings.push(odd);
    const face = {
      name,
      description: descriptionOf(node, item, operation),
      effect: effectOf(method, node, item),
      ...(risk && { risk }),
    };
    tools.push(new OperationTool({ ...found, shape }, face, shared));
  }

  const title = textAt(objectAt(document.root, 'info'), 'title') ?? 'untitled';
  const operations = tools.length + skipped.length;
  if (operations === 0) warnings.push('The document has no operations, so there are no tools.');
  // Said only where a document is checked: a session may bring the address.
  if (options.validate === true && tools.length > 0 && !isServerKnown)
    warnings.push('The document names no server: calls need a server given with the document.');
  return {
    kind: openapiNames.name,
    title,
    operations,
    tools,
    skipped,
    credentialNames: shared.security.names,
    // Schemas are written when somebody looks at them, and so are their warnings.
    get warnings() {
      const inTools = tools.flatMap((tool) =>
        tool.notes.warnings.map((text) => `${tool.operation}: ${text}`),
      );
      const inDocument = tools.flatMap((tool) => tool.notes.documentWarnings);
      return [...warnings, ...new Set(inDocument), ...inTools];
    },
  };
}

/** The request of an operation and its risk, or the reason why it cannot be called. */
function readOperation(
  document: SpecDocument,
  found: FoundOperation,
): { shape: RequestShape; risk: Risk | undefined } | string {
  const shape = requestShapeOf(document, found);
  if (typeof shape === 'string') return shape;
  try {
    return { shape, risk: riskOf(found.node, found.item) };
  } catch (error) {
    if (error instanceof SpecError) return error.message;
    throw error;
  }
}

/** An operation's effect: the document's own word, else by its method [RFC 9110 9.2.1]. */
function effectOf(method: string, node: JsonObject, item: JsonObject): Effect {
  for (const said of [node[EFFECT_KEY], item[EFFECT_KEY]]) {
    if (said === 'read' || said === 'write') return said;
  }
  return READS.has(method) ? 'read' : 'write';
}

/** The summary and the description of an operation, cut to the length that model APIs accept. */
function descriptionOf(node: JsonObject, item: JsonObject, operation: string): string {
  const [summary, description] = ['summary', 'description'].map(
    (key) => saidAt(node, key) ?? saidAt(item, key),
  );
  const parts = summary === undefined || description?.startsWith(summary) === true ? [] : [summary];
  if (description !== undefined) parts.push(description);
  const text = parts.length === 0 ? operation : parts.join('\n\n');
  return shorten((node['deprecated'] === true ? `Deprecated. ${text}` : text).trim(), DESCRIPTION_MAX_LENGTH);
}
