import { isObject, type JsonObject } from '../../common/json.ts';
import { argumentKeyOf, uniqueNames } from '../names.ts';
import { listAt, objectAt, own, textsAt } from '../read.ts';
import type { SchemaArgument } from '../schema/argument-schemas.ts';
import type { LocatedObject, SpecDocument } from '../spec-document.ts';

/** The arguments of a tool, and their names on the wire. */
interface McpArguments {
  arguments: SchemaArgument[];
  /** The names on the wire, by key. */
  wireNames: ReadonlyMap<string, string>;
  /** Whether the tool takes any arguments, and says nothing about them. */
  isOpen: boolean;
}

/** So many schemas are merged at the root. The members of members may be more than any machine can visit. */
const MERGED_MAX_COUNT = 200;
/** More arguments than these are not read: no model would give them. */
const ARGUMENTS_MAX_COUNT = 1000;

/**
 * Reads the `inputSchema` of a tool, which is the root of the document. Its properties are the arguments; those of its `allOf` are
 * required as there, those of its choices are not.
 */
export function readMcpArguments(schema: SpecDocument): McpArguments {
  const found = new Map<string, Omit<SchemaArgument, 'name'>>();
  const root = schema.object(schema.root, schema.root);
  if (root) gather(schema, root, { found, seen: new Map(), isChoice: false });
  const unique = uniqueNames();
  const wireNames = new Map<string, string>();
  const args = [...found].map(([wireName, argument]) => {
    const name = unique(argumentKeyOf(wireName));
    wireNames.set(name, wireName);
    return { name, ...argument };
  });
  // Only a schema that names no argument and allows others is open.
  const others = root && own(root.node, 'additionalProperties');
  return {
    arguments: args,
    wireNames,
    isOpen: args.length === 0 && (others === true || isObject(others)),
  };
}

/** The walk over the schemas that are merged at the root. */
interface Gathered {
  found: Map<string, Omit<SchemaArgument, 'name'>>;
  /** The schemas that were merged; false for those that were merged as a choice only. */
  seen: Map<JsonObject, boolean>;
  /** Inside of `anyOf` or `oneOf`: no argument is required there. */
  isChoice: boolean;
}

function gather(schema: SpecDocument, { node, home }: LocatedObject, to: Gathered): void {
  const { found, seen, isChoice } = to;
  if (seen.size >= MERGED_MAX_COUNT || seen.get(node) === true || (isChoice && seen.has(node))) return;
  seen.set(node, !isChoice);
  const required = new Set(isChoice ? [] : textsAt(node, 'required'));
  for (const [name, value] of Object.entries(objectAt(node, 'properties') ?? {})) {
    if (found.size >= ARGUMENTS_MAX_COUNT) return;
    if (value !== undefined && !found.has(name)) found.set(name, { schema: value, required: false, home });
  }
  for (const name of required) {
    const argument = found.get(name);
    if (argument) argument.required = true;
  }
  const inner = (key: 'allOf' | 'anyOf' | 'oneOf', isInnerChoice: boolean): void => {
    for (const member of listAt(node, key)) {
      const located = schema.object(member, home);
      if (located) gather(schema, located, { found, seen, isChoice: isInnerChoice });
    }
  };
  inner('allOf', isChoice);
  inner('anyOf', true);
  inner('oneOf', true);
}

/** The arguments as the server knows them. */
export function toWire(args: JsonObject, wireNames: McpArguments['wireNames']): JsonObject {
  const entries = Object.entries(args).map(([key, value]) => [wireNames.get(key) ?? key, value] as const);
  return Object.fromEntries(entries);
}
