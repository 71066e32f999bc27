import type { Content } from './message.ts';
import type { NewTask } from './session.ts';

/** The bytes of a task's content as UTF-8, without the few that its JSON adds. */
export function bytesOf({ content }: NewTask): number {
  return content.reduce((sum, part) => sum + Buffer.byteLength(textOf(part)), 0);
}

function textOf(part: Content): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'image':
      return part.url;
    case 'file':
      return part.fileId;
    case 'audio':
      return part.data;
  }
}
