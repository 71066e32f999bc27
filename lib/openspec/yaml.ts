import type { Document } from 'yaml';
import { codedFault } from '../common/coded-fault.ts';
import type { JsonValue } from '../common/json.ts';
import { messageOf, SpecError } from '../errors.ts';

/** YAML is parsed 50 times slower than JSON: over this, a document has to be JSON. */
export const MAX_CHARS = 24 * 1024 * 1024;
/** The parser takes some 150 MiB for a million. */
const MAX_LEXEMES = 4_000_000;
/** Each alias is looked up by a walk over the document: aliases × lexemes, about a second. */
const MAX_ALIAS_STEPS = 1e9;
/** The number of nodes that all aliases of one anchor may expand to. */
const MAX_ALIAS_NODES = 10_000;

/**
 * The value of one YAML 1.2 document, merge keys included. It may contain itself, and `__proto__` keys. Throws a
 * SpecError with line and column.
 *
 * The parser is driven lexeme by lexeme: the library's own way recurses without a limit, and near the end of the stack
 * the engine can abort the process instead of throwing.
 */
export async function parseYaml(
  source: string,
  depthLimit: number,
): Promise<{ value: JsonValue; warnings: string[] }> {
  if (source.length > MAX_CHARS) throw tooLargeForYaml();
  const yaml = await import('yaml');
  checkSize(new yaml.Lexer().lex(source));
  const lines = new yaml.LineCounter();
  lines.addNewLine(0); // as `parse` of the parser does before the first lexeme
  const parser = new yaml.Parser(lines.addNewLine);
  const tokens = [];
  for (const lexeme of new yaml.Lexer().lex(source)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > depthLimit) {
      throw new SpecError(`The document is nested too deeply (over ${depthLimit} levels).`);
    }
  }
  for (const token of parser.end()) tokens.push(token);

  const composer = new yaml.Composer({ uniqueKeys: false, merge: true, logLevel: 'silent' });
  const [document, ...others] = composer.compose(tokens, true, source.length);
  if (document === undefined) throw new SpecError('The document is empty.');
  if (others.length > 0) throw new SpecError('The text holds several YAML documents; send one.');
  const [first] = document.errors;
  if (first !== undefined) {
    const { line, col } = lines.linePos(first.pos[0]);
    const fault = codedFault('', 'syntax', { line, column: col, words: first.message });
    throw new SpecError(`The document is neither JSON nor YAML: ${fault.detail}`, [fault], first);
  }
  const warnings = repeatedKeys(yaml, document);
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIAS_NODES }) as JsonValue, warnings };
  } catch (error) {
    throw new SpecError(`The YAML document cannot be read: ${messageOf(error)}`, [], error);
  }
}

/** Counts before the parser keeps anything: a text that is too large costs no memory. */
function checkSize(lexemes: Iterable<string>): void {
  let count = 0;
  let aliases = 0;
  for (const lexeme of lexemes) {
    if (lexeme.startsWith('*')) aliases++;
    if (++count > MAX_LEXEMES || aliases * count > MAX_ALIAS_STEPS) throw tooLargeForYaml();
  }
}

/** The error for a text that is too large for YAML. */
export function tooLargeForYaml(): SpecError {
  return new SpecError('The document is no JSON, and too large for YAML; send it as JSON.');
}

/** The warnings for keys that are in a mapping twice: the last one counts, as in JSON. */
function repeatedKeys(yaml: typeof import('yaml'), document: Document): string[] {
  const warnings: string[] = [];
  yaml.visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const name: unknown = yaml.isScalar(key) ? key.value : key;
        if (seen.has(name) && typeof name === 'string' && name !== '<<') {
          warnings.push(`The key "${name}" stands twice in a mapping: the last one counts.`);
        }
        seen.add(name);
      }
    },
  });
  return warnings;
}
