import { isObject } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { bodyLayers, planBody, writeOpen, type BodyPlan } from './body-plan.ts';
import type { SpecDocument } from '../spec-document.ts';
import { described, draftKeysOf, type Draft } from './draft.ts';
import { choicesOf, type Choice } from './media-type.ts';
import { objectAt, textAt } from '../read.ts';
import type { OperationParameter, RequestShape } from './request-shape.ts';
import type { SchemaDetail } from '../schema/dialect.ts';
import { SchemaWriter } from '../schema/schema-writer.ts';
import { openapiDialect } from './dialect.ts';
import { styleOf, type Style } from './styles.ts';

/** A parameter as an argument: its key for the model, and how it is written on the wire. */
export interface WireArgument extends Style {
  key: string;
  name: string;
  in: OperationParameter['in'];
  required: boolean;
}

/** What the model is offered for an operation, and how its arguments become a request. */
export interface OperationPlan {
  parameters: JsonSchema;
  arguments: WireArgument[];
  body?: BodyPlan;
  /** Property keys inside arguments that stand for a name no key may have. */
  renamed: Map<string, string>;
  warnings: string[];
}

/** The most that one tool's parameters may have. */
export const TOOL_MAX_BYTES = 12 * 1024;

// First shorter descriptions, then fewer levels, then opaque objects.
const DETAILS: readonly SchemaDetail[] = [
  { depth: 24, description: 1024, innerDescription: 1024, enumBytes: 4096 },
  { depth: 24, description: 400, innerDescription: 200, enumBytes: 2048 },
  { depth: 24, description: 200, innerDescription: 80, enumBytes: 2048 },
  { depth: 24, description: 120, innerDescription: 0, enumBytes: 1024 },
  ...[7, 5, 4, 3, 2, 1].map((depth) => ({ depth, description: 100, innerDescription: 0, enumBytes: 512 })),
  { depth: 1, description: 0, innerDescription: 0, enumBytes: 128 },
];

/** Opens the planner of a document; plans are the same whatever order they are asked for in. */
export function createPlanner(document: SpecDocument): (shape: RequestShape) => OperationPlan {
  // Many operations share a body: what was too much of it once is not tried again.
  const firstDetail = new Map<string, number>();

  return (shape) => {
    const choices = shape.body === undefined ? [] : choicesOf(document, shape.body.mediaTypes);
    const identity =
      choices.length === 1 && choices[0] ? bodyLayers(document, choices[0])?.identity : undefined;
    const sketch = sketchOf(shape, choices, false);
    for (
      let level = (identity === undefined ? undefined : firstDetail.get(identity)) ?? 0;
      level < DETAILS.length;
      level += 1
    ) {
      const { draft, isOver, isBodyOver } = attempt(sketch, level, TOOL_MAX_BYTES);
      if (!isOver) return finish(shape, sketch, draft, level === 0 ? undefined : wordsFor(level));
      if (isBodyOver && identity !== undefined) firstDetail.set(identity, level + 1);
    }
    const opaque = sketchOf(shape, choices, true);
    const { draft } = attempt(opaque, DETAILS.length - 1, Number.POSITIVE_INFINITY);
    return finish(shape, opaque, draft, 'what it takes is an opaque object');
  };

  function sketchOf(shape: RequestShape, choices: Choice[], isOpaque: boolean) {
    const args: WireArgument[] = [];
    const parameters = shape.parameters.map((parameter) => draftOf(parameter, args));
    const body = shape.body === undefined ? undefined : planBody(document, shape.body, choices, isOpaque);
    return { args, parameters, body, keys: draftKeysOf([...parameters, ...(body?.drafts ?? [])]) };
  }

  function attempt(
    { parameters, body, keys }: ReturnType<typeof sketchOf>,
    level: number,
    budgetBytes: number,
  ) {
    const detail = DETAILS[level] ?? { depth: 1, description: 0, innerDescription: 0, enumBytes: 128 };
    const writer = new SchemaWriter(document, detail, budgetBytes, openapiDialect);
    // The body first: whether it alone is too much does not depend on who else has it.
    const schemas = new Map<Draft, JsonSchema>();
    for (const draft of body?.drafts ?? []) {
      schemas.set(draft, draft.write(writer));
      if (writer.spend(keys.get(draft)?.length ?? 0)) break;
    }
    const open = writeOpen(body?.shape, writer);
    const isBodyOver = writer.spend(0);
    for (const draft of parameters) {
      if (!isBodyOver) schemas.set(draft, draft.write(writer));
    }
    const required: string[] = [];
    for (const [draft, key] of keys) {
      if (draft.required) required.push(key);
      writer.spend(key.length * (draft.required ? 2 : 1) + 10);
    }
    const definitions = writer.definitions();
    const properties = Object.fromEntries([...keys].map(([draft, key]) => [key, schemas.get(draft)]));
    const schema: JsonSchema = { type: 'object', properties };
    if (required.length > 0) schema['required'] = required;
    schema['additionalProperties'] = open;
    if (Object.keys(definitions).length > 0) schema['$defs'] = definitions;
    return { draft: { schema, writer }, isOver: writer.spend(0), isBodyOver };
  }

  function finish(
    shape: RequestShape,
    { args, body, keys }: ReturnType<typeof sketchOf>,
    { schema, writer }: ReturnType<typeof attempt>['draft'],
    cut: string | undefined,
  ): OperationPlan {
    for (const [draft, key] of keys) draft.settle(key);
    const warnings = [...shape.faults, ...writer.faults];
    if (cut !== undefined) warnings.push(`its schema is too large; ${cut}`);
    const plan: OperationPlan = { parameters: schema, arguments: args, renamed: writer.renamed, warnings };
    if (body !== undefined) plan.body = body.plan;
    return plan;
  }

  function draftOf(parameter: OperationParameter, args: WireArgument[]): Draft {
    const { node, home, name, required } = parameter;
    const style = styleOf(document, parameter);
    // Swagger 2.0 writes the schema beside the name; a parameter may also have a whole media type.
    const content = Object.values(objectAt(node, 'content') ?? {})[0];
    const schema = node['schema'] ?? (isObject(content) ? content['schema'] : undefined) ?? node;
    return {
      name,
      place: parameter.in,
      required,
      write(writer) {
        const written =
          isObject(schema) && Object.keys(schema).length > 0 ? writer.write(schema, home, false) : {};
        if (parameter.in === 'path' && Object.keys(written).length === 0) written['type'] = 'string';
        return described(written, textAt(node, 'description'), name, writer);
      },
      settle: (key) => args.push({ key, name, in: parameter.in, required, ...style }),
    };
  }
}

function wordsFor(level: number): string {
  const { depth } = DETAILS[level] ?? { depth: 1 };
  return depth > 20 ? 'descriptions are shortened' : `below level ${depth} it has opaque objects`;
}
