import { StringDecoder } from 'node:string_decoder';

export interface SseParser {
  /** The data of each event that these bytes complete. */
  push(bytes: Uint8Array): string[];
  /** The data of an event that the end of the stream completes: some servers leave out the last blank line. */
  end(): string[];
}

/** Takes server-sent events apart as bytes come, wherever they are cut. Lines end in LF or CRLF. [HTML 9.2.6] */
export function createSseParser(): SseParser {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let searched = 0;
  let data: string | undefined;

  const parse = (text: string): string[] => {
    const events: string[] = [];
    rest += text;
    let start = 0;
    for (let end = rest.indexOf('\n', searched); end !== -1; end = rest.indexOf('\n', start)) {
      const line = rest.slice(start, rest[end - 1] === '\r' && end > start ? end - 1 : end);
      start = end + 1;
      if (line === '') {
        if (data !== undefined) events.push(data);
        data = undefined;
      } else if (line.startsWith('data:') || line.startsWith('\uFEFFdata:')) {
        const colon = line.indexOf(':');
        const value = line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
        data = data === undefined ? value : `${data}\n${value}`;
      }
    }
    rest = rest.slice(start);
    searched = rest.length;
    return events;
  };

  return {
    push: (bytes) => parse(decoder.write(bytes)),
    end: () => parse(`${decoder.end()}\n\n`),
  };
}
