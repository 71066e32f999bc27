import { signal } from '@preact/signals';
import { texts, type Language, type TextKey } from './texts/texts.ts';

const KEPT = 'lite-agent.language';

/** The language that the page shows. */
export const language = signal<Language>(firstLanguage());

/** The language of the last visit, else that of the browser. */
function firstLanguage(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** Shows the page in the other language, also at the next visit. */
export function switchLanguage(): void {
  language.value = language.value === 'en' ? 'zh' : 'en';
  localStorage.setItem(KEPT, language.value);
}

/** A number of things: one of them, or several. */
export function counted(n: number, one: TextKey, many: TextKey): string {
  return n === 1 ? t(one) : t(many, { n });
}

/** A text in the language of the page, with its values put in. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  return texts[language.value][key].replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}
