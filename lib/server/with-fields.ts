import type { Log } from '../log.ts';

/** The log, with these fields added to every line. */
export function withFields(log: Log, fields: object): Log {
  const write = (level: keyof Log) => (more: object, text: string) =>
    log[level]({ ...fields, ...more }, text);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
