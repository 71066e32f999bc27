import { closestWord } from '../../common/closest-word.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { codedFault, unknownKeyFault, type FaultCode } from '../../common/coded-fault.ts';
import type { Fault, FaultData } from '../../errors.ts';
import { isMisspeltOwnKey, ownKeys } from '../own-keys.ts';
import { isSynonym } from './key-synonyms.ts';
import type { ManualHint } from './manual-address.ts';

/** The findings of reading a document: faults make it unusable, warnings do not. */
export interface Findings {
  readonly faults: Fault[];
  readonly warnings: string[];
}

/** Reads the properties of one object of a document. A fault is noted by JSON pointer, and the value is undefined then. */
export interface Fields {
  readonly pointer: string;
  /** Whether the object has a property. */
  has(name: string): boolean;
  /** The value of a property as it is. */
  get(name: string): JsonValue | undefined;
  /** Notes a fault at a property (at the object itself for ""). */
  fault(name: string, detail: string): void;
  /** Notes a fault that clients can say in another language. */
  coded(name: string, code: FaultCode, data?: FaultData): void;
  /** Notes something odd that does not make the document unusable. */
  warn(detail: string): void;
  /** The text of a property; notes a fault for any other value. */
  text(name: string): string | undefined;
  /** Whether a property is true; notes a fault for a value that is no boolean. */
  flag(name: string): boolean;
  /** The integer of a property; notes a fault for any other value, and for one out of range; the fault says the hint. */
  integer(
    name: string,
    range: { min: number; max: number; hint?: ManualHint | undefined },
  ): number | undefined;
  /** The value of a property that must be one of these. */
  choice<T extends string | number>(name: string, choices: readonly T[]): T | undefined;
  /** The fields of an object inside this one. */
  object(name: string): Fields | undefined;
  /** Warns about the properties that were not read: a misspelt one would change the meaning of values. A misspelt key of this server is a fault. */
  finish(ignored?: readonly string[]): void;
}

/** The fields of an object at a place in the document. */
export function createFields(object: JsonObject, pointer: string, findings: Findings): Fields {
  // The properties that somebody looked for: `finish` warns about the others.
  const asked = new Set<string>();
  const get = (name: string): JsonValue | undefined => {
    asked.add(name);
    return object[name];
  };
  const fault = (name: string, detail: string): void => {
    findings.faults.push({ pointer: name === '' ? pointer : `${pointer}/${name}`, detail });
  };
  const coded = (name: string, code: FaultCode, data?: FaultData): void => {
    const place = name === '' ? pointer : `${pointer}/${name}`;
    // A key that is missing is often there with a typo, or as the word of a manual.
    const others = Object.keys(object).filter((key) => !asked.has(key));
    const written = code.startsWith('missing')
      ? (closestWord(name, others) ?? others.find((key) => isSynonym(key, name)))
      : undefined;
    findings.faults.push(
      written === undefined
        ? codedFault(place, code, data)
        : codedFault(place, 'missing_meant', { written, meant: name }),
    );
  };
  const warn = (detail: string): void =>
    void findings.warnings.push(pointer === '' ? detail : `${pointer}: ${detail}`);

  return {
    pointer,
    get,
    fault,
    coded,
    warn,
    has: (name) => get(name) !== undefined,
    text(name) {
      const value = get(name);
      if (value === undefined || typeof value === 'string') return value;
      coded(name, 'must_be', { wanted: 'a text' });
      return undefined;
    },
    flag(name) {
      const value = get(name);
      if (value !== undefined && typeof value !== 'boolean')
        coded(name, 'must_be', { wanted: 'true or false' });
      return value === true;
    },
    integer(name, { min, max, hint }) {
      const value = get(name);
      if (value === undefined) return undefined;
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
      if (hint === undefined) coded(name, 'must_be_integer', { min, max });
      else coded(name, 'manual_number', { min, max, ...hint });
      return undefined;
    },
    choice(name, choices) {
      const value = get(name);
      if (value === undefined) return undefined;
      const found = choices.find((choice) => choice === value);
      if (found === undefined) {
        const near = typeof value === 'string' ? closestWord(value, choices.map(String)) : undefined;
        const data = { choices: choices.join(', ') };
        if (near === undefined) coded(name, 'must_be_one_of', data);
        else coded(name, 'must_be_one_of_meant', { ...data, meant: near });
      }
      return found;
    },
    object(name) {
      const value = get(name);
      if (value === undefined) return undefined;
      if (isObject(value)) return createFields(value, `${pointer}/${name}`, findings);
      coded(name, 'must_be', { wanted: 'an object' });
      return undefined;
    },
    finish(ignored = []) {
      const unknown = Object.keys(object).filter((key) => !asked.has(key) && !ignored.includes(key));
      const known = [...asked, ...ignored];
      for (const key of unknown.filter(isMisspeltOwnKey))
        findings.faults.push(unknownKeyFault(`${pointer}/${key}`, key, ownKeys));
      const others = unknown.filter((key) => !isMisspeltOwnKey(key));
      const named = others.map(
        (key) =>
          `${key}${meant(
            key,
            known.filter((name) => !Object.hasOwn(object, name)),
          )}`,
      );
      if (named.length > 0) warn(`not known, and ignored: ${named.join(', ')}`);
    },
  };
}

/** A question after a word that is not known: the word that was meant. */
function meant(written: string, words: readonly string[]): string {
  const near = closestWord(written, words) ?? words.find((word) => isSynonym(written, word));
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}
