import { expect } from 'chai';
import { isObject, type JsonObject, type JsonValue } from '../../lib/common/json.ts';
import type { Tool } from '../../lib/core/tool.ts';
import { SpecError } from '../../lib/errors.ts';
import type { CompileOptions, OpenspecKind } from '../../lib/openspec/kind.ts';
import { rejection } from '../support/refusal.ts';

/** What a kind of document needs to show that it keeps the contract. */
export interface KindExamples {
  /** A fresh kind. Whatever it opens is closed by its own spec. */
  open: () => OpenspecKind;
  /** Usable documents with at least one tool each; `options` for documents that need some. */
  documents: Record<string, JsonObject>;
  options?: CompileOptions;
  /** A document of this kind without operations. */
  empty: JsonObject;
  /** Documents of this kind that cannot be used at all. */
  unusable: Record<string, JsonObject>;
  /** Documents of other kinds. */
  foreign: Record<string, JsonObject>;
}

/** What model APIs refuse in a tool; empty for one that they all accept. */
export function faultsOfTool(tool: Tool): string[] {
  const faults: string[] = [];
  const { name, description, parameters } = tool;
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) faults.push(`name ${name}`);
  if (description === '' || description.length > 1024)
    faults.push(`description of ${description.length} characters`);
  if (tool.operation === '') faults.push('no operation');
  if (tool.effect !== 'read' && tool.effect !== 'write') faults.push(`effect ${String(tool.effect)}`);
  if (parameters['type'] !== 'object') faults.push('the root is no object');
  if (!isObject(parameters['properties'])) faults.push('the root has no properties');
  for (const word of ['anyOf', 'oneOf', 'allOf', 'not', 'enum', 'if']) {
    if (parameters[word] !== undefined) faults.push(`the root has ${word}`);
  }
  walk(parameters, '', parameters, faults);
  return faults;
}

const TYPES = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);

function walk(value: JsonValue | undefined, at: string, root: JsonObject, faults: string[]): void {
  if (!isObject(value)) {
    if (typeof value !== 'boolean') faults.push(`${at} is no schema`);
    return;
  }
  const { type, $ref, properties, required } = value;
  if ($ref !== undefined) {
    const name = typeof $ref === 'string' && $ref.startsWith('#/$defs/') ? $ref.slice(8) : undefined;
    if (name === undefined || !isObject(root['$defs']) || root['$defs'][name] === undefined)
      faults.push(`${at} dangles`);
  }
  const types = type === undefined ? [] : Array.isArray(type) ? type : [type];
  for (const one of types)
    if (typeof one !== 'string' || !TYPES.has(one)) faults.push(`${at} has type ${JSON.stringify(one)}`);
  if (types.includes('array') && value['items'] === undefined) faults.push(`${at} is an array without items`);
  if (value['enum'] !== undefined && (!Array.isArray(value['enum']) || value['enum'].length === 0))
    faults.push(`${at} has an empty enum`);
  if (
    required !== undefined &&
    (!Array.isArray(required) || required.some((name) => typeof name !== 'string'))
  ) {
    faults.push(`${at} has required ${JSON.stringify(required)}`);
  }
  for (const word of ['nullable', 'readOnly', 'discriminator', 'xml', 'example']) {
    if (typeof value[word] === 'boolean' || isObject(value[word])) faults.push(`${at} has ${word}`);
  }
  for (const [key, child] of Object.entries(isObject(properties) ? properties : {})) {
    if (!/^[a-zA-Z0-9_.-]{1,64}$/.test(key)) faults.push(`${at} has the key ${key}`);
    walk(child, `${at}/${key}`, root, faults);
  }
  for (const word of ['items', 'additionalProperties', 'not']) {
    if (value[word] !== undefined) walk(value[word], `${at}/${word}`, root, faults);
  }
  for (const word of ['anyOf', 'oneOf', 'allOf']) {
    const members = value[word];
    if (members === undefined) continue;
    if (!Array.isArray(members) || members.length === 0) faults.push(`${at} has an empty ${word}`);
    else members.forEach((member, index) => walk(member, `${at}/${word}/${index}`, root, faults));
  }
  for (const [key, child] of Object.entries(isObject(value['$defs']) ? value['$defs'] : {}))
    walk(child, `${at}/$defs/${key}`, root, faults);
}

/** Describes what every kind of document promises (lib/openspec/kind.ts). */
export function describeOpenspecKind(name: string, examples: KindExamples): void {
  const { open, options = {} } = examples;

  describe(`openspec kind ${name} keeps the contract:`, () => {
    for (const [title, document] of Object.entries(examples.documents)) {
      describe(title, () => {
        it('is recognized as this kind, and every operation is a tool or skipped with a reason', async () => {
          const kind = open();
          expect(kind.name).to.equal(name);
          expect(kind.detect(document)).to.equal(true);
          const spec = await kind.compile(document, options);
          expect(spec.kind).to.equal(name);
          expect(spec.tools.length + spec.skipped.length).to.equal(spec.operations);
          expect(spec.tools).not.to.deep.equal([]);
          for (const { operation, reason } of spec.skipped) expect([operation, reason]).not.to.include('');
          spec.close?.();
        });

        it('gives tools that model APIs accept, each name once', async () => {
          const spec = await open().compile(document, options);
          for (const tool of spec.tools) expect(faultsOfTool(tool), tool.name).to.deep.equal([]);
          expect(new Set(spec.tools.map((tool) => tool.name)).size).to.equal(spec.tools.length);
          spec.close?.();
        });

        it('gives the same tools every time and in any order, and does not change', async () => {
          const before = JSON.stringify(document);
          const first = await open().compile(freeze(structuredClone(document)), options);
          const forwards = first.tools.map(face);
          first.close?.();
          const second = await open().compile(document, options);
          const backwards = second.tools.toReversed().map(face).toReversed();
          second.close?.();
          expect(backwards).to.deep.equal(forwards);
          expect(second.skipped).to.deep.equal(first.skipped);
          expect(second.warnings).to.deep.equal(first.warnings);
          expect(JSON.stringify(document)).to.equal(before);
        });

        it('calls resolve with a cancelled result when they are stopped before they are sent', async () => {
          const spec = await open().compile(document, options);
          const context = { connection: {}, signal: AbortSignal.abort(), timeoutMs: 1000 };
          for (const tool of spec.tools) {
            const { error } = await tool.call({}, context);
            expect(error, tool.name).to.be.an('object').with.property('effect', 'none');
          }
          spec.close?.();
        });
      });
    }

    it('a document without operations has no tools and a warning', async () => {
      const spec = await open().compile(examples.empty, options);
      expect([spec.operations, spec.tools, spec.skipped]).to.deep.equal([0, [], []]);
      expect(spec.warnings).not.to.deep.equal([]);
      spec.close?.();
    });

    for (const [title, document] of Object.entries(examples.unusable)) {
      it(`${title} is refused with a SpecError that says where`, async () => {
        const error = await rejection(open().compile(document, options));
        expect(error).to.be.instanceOf(SpecError);
        expect((error as SpecError).message).not.to.equal('');
        expect((error as SpecError).faults).not.to.deep.equal([]);
      });
    }

    for (const [title, document] of Object.entries(examples.foreign)) {
      it(`${title} is not of this kind`, () => expect(open().detect(document)).to.equal(false));
    }
  });
}

const face = ({ name, description, parameters, operation, effect }: Tool) => ({
  name,
  description,
  parameters,
  operation,
  effect,
});

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) freeze(child);
  }
  return value;
}
