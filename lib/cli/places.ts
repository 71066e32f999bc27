import type { JsonObject } from '../common/json.ts';
import type { DocumentEntry } from '../openspec/openspecs.ts';
import { openOwnDocument } from './document.ts';

/** How long a document may take to be read. */
const READ_WITHIN_MS = 30_000;

/** The tools of documents, or their devices with the addresses, as a text for people. Rejects with an AppError. */
export async function describePlaces(
  what: 'tools' | 'devices',
  places: readonly string[],
  entries: readonly JsonObject[],
): Promise<string> {
  if (places.length === 0)
    return `This session was opened without --spec: only the server knows its ${what}.`;
  const texts = await Promise.all(
    places.map(async (place, at) => {
      const { openSpec: _text, ...entry } = entries[at] as unknown as DocumentEntry;
      const document = await openOwnDocument(place, entry, AbortSignal.timeout(READ_WITHIN_MS));
      try {
        const { spec, connection } = document;
        // Many tools of one document have the same device.
        const devices = [...new Set(spec.tools.flatMap((tool) => tool.device?.(connection) ?? []))];
        const head = `  ${spec.title}: ${spec.kind}, ${devices.join(', ') || 'no address'}`;
        if (what === 'devices') return head;
        return [head, ...spec.tools.map(({ name, effect }) => `    ${effect.padEnd(5)}  ${name}`)].join('\n');
      } finally {
        await document.close();
      }
    }),
  );
  return texts.join('\n');
}
