import { chinese } from './chinese.ts';
import { english } from './english.ts';

/** The key of a text. */
export type TextKey = keyof typeof english;
/** A language of the console. */
export type Language = 'en' | 'zh';

/** The texts of the console, by language. Both languages have every key. */
export const texts: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = {
  en: english,
  zh: chinese,
};
