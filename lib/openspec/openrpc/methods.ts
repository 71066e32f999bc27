import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { codedFault } from '../../common/coded-fault.ts';
import { SpecError } from '../../errors.ts';
import type { CompileOptions } from '../kind.ts';
import { isSelected } from '../operation-filter.ts';
import { listAt, textAt } from '../read.ts';
import { shorten } from '../shorten.ts';
import type { SpecDocument } from '../spec-document.ts';

/** Model APIs accept no longer description of a tool. */
const DESCRIPTION_MAX_LENGTH = 1024;

/** The entries of `methods`; throws a SpecError when `methods` is not a list. */
export function methodEntriesOf({ methods }: JsonObject): JsonValue[] {
  if (methods === undefined || methods === null) return [];
  if (Array.isArray(methods)) return methods;
  throw new SpecError('"methods" is not a list.', [
    codedFault('/methods', 'must_be', { wanted: 'an array' }),
  ]);
}

/** A method in words, for a model. */
export function describeMethod({ name, summary, description, deprecated }: JsonObject): string {
  const texts = [summary, description].filter(
    (text): text is string => typeof text === 'string' && text.trim() !== '',
  );
  const text = [...new Set(texts.map((one) => one.trim()))].join('\n');
  const note = deprecated === true ? 'Deprecated. ' : '';
  return shorten(note + (text === '' && typeof name === 'string' ? name : text), DESCRIPTION_MAX_LENGTH);
}

/** Whether a session wants a method, by its name and its tags. */
export function isMethodSelected(
  document: SpecDocument,
  method: JsonObject,
  home: JsonObject,
  options: CompileOptions,
): boolean {
  const { include, exclude, within } = options;
  // Without a selection the tags, which may be `$ref`s, need not be followed.
  if (include === undefined && exclude === undefined && within === undefined) return true;
  const name = textAt(method, 'name') ?? '';
  const tags = listAt(method, 'tags').flatMap((tag) => {
    const { value } = document.resolve(tag, home);
    const text = isObject(value) ? value['name'] : value;
    return typeof text === 'string' ? [text] : [];
  });
  return isSelected({ tags, method: name, path: name }, options);
}
