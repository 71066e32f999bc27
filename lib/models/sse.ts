import { createParser } from 'eventsource-parser';
import { ModelError } from '../errors.ts';

/**
 * Takes a stream of server-sent events apart [HTML 9.2.6]: every line end, comments, fields with or without a space after the
 * colon. Events without data, which some endpoints send to keep the connection alive, are left out.
 */
export interface SseParser {
  /** The data of each event that these bytes complete. Throws a ModelError for an event that has no end. */
  push(bytes: Uint8Array): string[];
  /** The data of an event that the end of the stream completes: some servers leave out the last blank line. */
  end(): string[];
}

/** No piece of a reply is longer. Without a limit an endless line would fill the memory. */
const EVENT_MAX_CHARS = 16 * 1024 * 1024;

/** A parser for one stream. The bytes may be cut anywhere, also inside a character. */
export function createSseParser(): SseParser {
  const decoder = new TextDecoder(); // removes a byte order mark, too
  let complete: string[] = [];
  const parser = createParser({
    maxBufferSize: EVENT_MAX_CHARS,
    onEvent: ({ data }) => {
      if (data.trim() !== '') complete.push(data);
    },
    onError({ type }) {
      if (type === 'max-buffer-size-exceeded')
        throw new ModelError('the model endpoint sent an event of more than 16 MiB');
    },
  });
  const feed = (text: string): string[] => {
    complete = [];
    parser.feed(text);
    return complete;
  };
  return {
    push: (bytes) => feed(decoder.decode(bytes, { stream: true })),
    end: () => feed(`${decoder.decode()}\n\n`),
  };
}
