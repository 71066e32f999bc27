import type { Fault, FaultData } from '../errors.ts';
import { closestWord } from './closest-word.ts';

/** The English words of each code. A client that says faults in another language has the code and the values. */
const sentences = {
  missing: () => 'is missing',
  missing_meant: ({ written, meant }) => `is missing; did you mean "${meant}" by "${written}"?`,
  missing_wanted: ({ wanted }) => `is missing: ${wanted}`,
  missing_for: ({ other }) => `is missing: ${other} needs it`,
  must_be: ({ wanted }) => `must be ${wanted}`,
  must_be_meant: ({ wanted, meant }) => `must be ${wanted}; did you mean "${meant}"?`,
  must_be_integer: ({ min, max }) => `must be an integer from ${min} to ${max}`,
  manual_number: ({ min, max, written, place }) =>
    `must be an integer from ${min} to ${max}: ${written} looks like a number of a manual, which is ${place}`,
  must_be_one_of: ({ choices }) => `must be one of ${choices}`,
  must_be_one_of_meant: ({ choices, meant }) => `must be one of ${choices} (did you mean ${meant}?)`,
  unknown_key: ({ known }) => `is not known; the keys here are ${known}`,
  unknown_key_meant: ({ meant }) => `is not known; did you mean "${meant}"?`,
  unknown_kind: ({ keys, found }) => `has none of the keys ${keys} of a known kind; it has ${found}`,
  unknown_version: ({ known }) => `is no known version; known are ${known}`,
  no_operation: () => 'has no operation that can be called',
  name_taken: () => 'is the name of another device: take another one, or change that device',
  syntax: ({ line, column, words }) => `line ${line}, column ${column}: ${words}`,
} as const satisfies Record<string, (data: FaultData) => string>;

/** The code of a fault that has one. */
export type FaultCode = keyof typeof sentences;

/** Every code. */
export const faultCodes = Object.keys(sentences) as FaultCode[];

/** A fault with its code, the values of its sentence, and the sentence itself. */
export function codedFault(pointer: string, code: FaultCode, data: FaultData = {}): Fault {
  return { pointer, detail: sentences[code](data), code, data };
}

/** The fault of a key that is not among those that are known: the key that was meant, or all of them. */
export function unknownKeyFault(pointer: string, key: string, known: readonly string[]): Fault {
  const meant = closestWord(key, known);
  return meant === undefined
    ? codedFault(pointer, 'unknown_key', { known: known.join(', ') })
    : codedFault(pointer, 'unknown_key_meant', { meant });
}

/** The words of such a fault. */
export function unknownKey(key: string, known: readonly string[]): string {
  return unknownKeyFault('', key, known).detail;
}
