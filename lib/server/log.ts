/** Where the server writes what happens: fields first, then a text, as pino takes them. */
export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** A log whose every line has some more fields. */
export function withFields(log: Log, fields: object): Log {
  const write = (level: keyof Log) => (more: object, text: string) =>
    log[level]({ ...fields, ...more }, text);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
