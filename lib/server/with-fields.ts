import type { Log } from '../log.ts';

/** A log whose every line has some more fields. */
export function withFields(log: Log, fields: object): Log {
  const write = (level: keyof Log) => (more: object, text: string) =>
    log[level]({ ...fields, ...more }, text);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
