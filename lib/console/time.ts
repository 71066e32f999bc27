import { language, t } from './language.ts';

/** A duration in ms, in the unit that fits. */
export function durationText(ms: number): string {
  if (ms < 1000) return t('milliseconds', { n: Math.round(ms) });
  const seconds = ms / 1000;
  if (seconds < 60) return t('seconds', { n: seconds < 10 ? seconds.toFixed(1) : Math.round(seconds) });
  if (seconds < 3600) return t('minutes', { n: Math.round(seconds / 60) });
  return seconds < 86_400
    ? t('hours', { n: Math.round(seconds / 3600) })
    : t('days', { n: Math.round(seconds / 86_400) });
}

/** The time of day of ms since the epoch, with the date where that is not today. */
export function timeText(ms: number): string {
  const time = new Date(ms);
  const isToday = time.toDateString() === new Date().toDateString();
  const format = isToday
    ? ({ hour: '2-digit', minute: '2-digit' } as const)
    : ({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' } as const);
  return new Intl.DateTimeFormat(language.value, format).format(time);
}
