import type { JsonObject } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { isObject } from '../../common/json.ts';
import { objectAt } from '../read.ts';
import { answerSchema } from '../schema/answer-schema.ts';
import type { SpecDocument } from '../spec-document.ts';
import { openapiDialect } from './dialect.ts';

/** The shape of the JSON of the first successful answer that an operation names; undefined where it names none. */
export function jsonAnswerOf(
  document: SpecDocument,
  operation: JsonObject,
  home: JsonObject,
): JsonSchema | undefined {
  const responses = Object.entries(objectAt(operation, 'responses') ?? {});
  // By status: 200 comes before 204, and `2XX` last.
  const good = responses
    .filter(([status]) => status.startsWith('2'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [, value] of good) {
    const response = document.object(value, home);
    if (!response) continue;
    const media = Object.entries(objectAt(response.node, 'content') ?? {});
    const json = media.find(
      ([type, one]) => /^application\/(?:.+\+)?json\b/i.test(type) && isObject(one),
    )?.[1];
    // Swagger 2.0 has one schema for all media types of an answer.
    const schema = document.isSwagger2
      ? response.node['schema']
      : isObject(json)
        ? json['schema']
        : undefined;
    if (schema !== undefined) return answerSchema(document, schema, response.home, openapiDialect);
  }
  return undefined;
}
