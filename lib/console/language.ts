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

/** A text in the language of the page, with its values put in. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  return texts[language.value][key].replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** A duration in the unit that fits. */
export function durationText(ms: number): string {
  if (ms < 1000) return t('milliseconds', { n: Math.round(ms) });
  const seconds = ms / 1000;
  if (seconds < 60) return t('seconds', { n: seconds < 10 ? seconds.toFixed(1) : Math.round(seconds) });
  if (seconds < 3600) return t('minutes', { n: Math.round(seconds / 60) });
  return seconds < 86_400
    ? t('hours', { n: Math.round(seconds / 3600) })
    : t('days', { n: Math.round(seconds / 86_400) });
}

/** A time of day, with the date where that is not today. */
export function timeText(ms: number): string {
  const time = new Date(ms);
  const isToday = time.toDateString() === new Date().toDateString();
  const format = isToday
    ? ({ hour: '2-digit', minute: '2-digit' } as const)
    : ({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' } as const);
  return new Intl.DateTimeFormat(language.value, format).format(time);
}
