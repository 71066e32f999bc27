import { closestWord } from '../../common/closest-word.ts';
import { isObject, type JsonObject } from '../../common/json.ts';
import { childPointer, valueAt } from '../../common/json-pointer.ts';
import { messageOf } from '../../errors.ts';
import { textAt } from '../read.ts';

const FINDINGS_MAX_COUNT = 20;
/** The keys that people write by hand, in all objects of a document [OpenAPI 3.1 4.8]. */
const KEYS = (
  'openapi info servers paths webhooks components security tags externalDocs title summary description version url variables ' +
  'get put post delete options head patch trace parameters operationId requestBody responses callbacks deprecated ' +
  'name in required allowEmptyValue style explode allowReserved schema example examples content headers links encoding ' +
  'schemas securitySchemes requestBodies pathItems type scheme bearerFormat flows openIdConnectUrl $ref default enum'
).split(' ');

/**
 * The faults that the OpenAPI schemas find in a document, in plain words: at most 20, and the number of the others. A
 * document with findings may well be usable: they are warnings for its author. Nothing is read, dereferenced or changed.
 */
export async function validateOpenapi(document: JsonObject): Promise<string[]> {
  // There is no schema for later versions yet.
  if (/^3\.(?![01]\b)/.test(textAt(document, 'openapi') ?? '')) return [];
  // The parser's own `validate` copies the whole document and walks its $refs first: 300 MB and 5 s for 11,000 operations.
  const { default: validateSchema } = await import('@apidevtools/swagger-parser/lib/validators/schema.js');
  try {
    validateSchema(document);
    return [];
  } catch (error) {
    return findingsOf(error, document);
  }
}

/** The findings in plain words, one for each place. */
function findingsOf(error: unknown, document: JsonObject): string[] {
  const details: unknown[] =
    error instanceof Error && 'details' in error && Array.isArray(error.details) ? error.details : [];
  if (details.length === 0) return [messageOf(error)];
  // A schema of alternatives has a fault for each of them at the same place: the first one speaks for all.
  const byPlace = new Map<string, string>();
  const found = details.filter(isObject);
  const faulty = new Set(found.filter((one) => !extraOf(one)).map(({ instancePath }) => instancePath));
  for (const detail of found) {
    const { instancePath, message } = detail;
    if (isReferredOperation(document, instancePath)) continue;
    const place = typeof instancePath === 'string' && instancePath !== '' ? instancePath : '/';
    const extra = extraOf(detail);
    if (extra !== undefined) {
      // Where an object has another fault, Ajv reports its right keys as unknown, too.
      if (KEYS.includes(extra) && faulty.has(instancePath)) continue;
      const pointer = childPointer(place === '/' ? '' : place, extra);
      const meant = KEYS.includes(extra) ? undefined : closestWord(extra, KEYS);
      byPlace.set(
        pointer,
        `${pointer} is not known${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      );
    } else if (!byPlace.has(place))
      byPlace.set(place, `${place} ${typeof message === 'string' ? message : 'is wrong'}`);
  }
  const findings = [...byPlace.values()];
  const more = findings.length - FINDINGS_MAX_COUNT;
  return more > 0 ? [...findings.slice(0, FINDINGS_MAX_COUNT), `and ${more} more findings`] : findings;
}

/** The key that a finding says is not known. */
function extraOf({ params }: JsonObject): string | undefined {
  const extra = isObject(params)
    ? (params['additionalProperty'] ?? params['unevaluatedProperty'])
    : undefined;
  return typeof extra === 'string' ? extra : undefined;
}

/** Whether an operation is a `$ref`: the schemas do not know that, and many documents are written so. It is followed. */
function isReferredOperation(document: JsonObject, place: unknown): boolean {
  if (typeof place !== 'string' || !/^\/paths\/[^/]+\/[^/]+$/.test(place)) return false;
  const operation = valueAt(document, place);
  return isObject(operation) && typeof operation['$ref'] === 'string';
}
