import type { JsonObject, JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import type { SpecDocument } from '../spec-document.ts';
import type { SchemaDialect } from './dialect.ts';
import { SchemaWriter } from './schema-writer.ts';

/** A longer schema would cost a host more than it tells. */
const ANSWER_MAX_BYTES = 2048;
/** So many levels are written, the first that fits. */
const DEPTHS = [6, 3, 1];

/**
 * The shape of an answer as a document says it: names, types and words only, so that every host can compile it. Undefined where the
 * document says nothing, or too much.
 */
export function answerSchema(
  document: SpecDocument,
  schema: JsonValue | undefined,
  home: JsonObject,
  dialect: SchemaDialect,
): JsonSchema | undefined {
  for (const depth of DEPTHS) {
    const detail = { depth, description: 200, innerDescription: 80, enumBytes: 0, isPlain: true };
    const writer = new SchemaWriter(document, detail, ANSWER_MAX_BYTES, dialect);
    const written = writer.write(schema, home, false);
    const $defs = writer.definitions();
    const whole = { ...written, ...(Object.keys($defs).length > 0 && { $defs }) };
    if (writer.spend(0) || JSON.stringify(whole).length > ANSWER_MAX_BYTES) continue;
    return Object.keys(written).length === 0 ? undefined : whole;
  }
  return undefined;
}
