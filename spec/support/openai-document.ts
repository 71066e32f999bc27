import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'chai';

/** OpenAI's own description of the calls that this server answers too. */
export interface OpenAiDocument {
  /** Fails with every fault unless a body is as a schema of OpenAI's says. */
  expectValid(schema: string, body: unknown): void;
}

const file = fileURLToPath(new URL('../../../shared/contracts/openai-subset.json', import.meta.url));

/** Some of its schemas still say "or null" as OpenAPI 3.0 did, which JSON Schema does not know. */
function nullable(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('nullable' in value)) return value;
  const { nullable: isNullable, ...schema } = value;
  return isNullable === true ? { anyOf: [schema, { type: 'null' }] } : schema;
}

/** The document beside the sources; undefined where there is none. */
export function openOpenAiDocument(): OpenAiDocument | undefined {
  if (!existsSync(file)) return undefined;
  const document = JSON.parse(readFileSync(file, 'utf8'), nullable) as object;
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(document, 'openai');
  const validators = new Map<string, ValidateFunction>();
  return {
    expectValid(schema, body) {
      const known = validators.get(schema);
      const validate = known ?? ajv.compile({ $ref: `openai#/components/schemas/${schema}` });
      validators.set(schema, validate);
      validate(body);
      const faults = (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
      expect(faults, `${schema}: ${JSON.stringify(body)}`).to.deep.equal([]);
    },
  };
}
