import { stemmer } from 'stemmer';

/** The stem of an English word in lower case, by Porter's algorithm: "lights" and "lighting" give "light". */
export function stemOf(word: string): string {
  return stemmer(word.toLowerCase());
}
