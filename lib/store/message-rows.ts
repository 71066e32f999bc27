import type { Insertable, Selectable } from 'kysely';
import { withMarks } from '../core/marks.ts';
import type { Marks, Message, MessageBody, ProviderPart } from '../core/message.ts';
import type { Schema } from './schema.ts';
import type { Vault } from './vault.ts';

/** The row of a message. The provider part of a model reply is sealed: it is the endpoint's, and no client may read it. */
export function messageRow(id: string, message: Message, vault: Vault): Insertable<Schema['messages']> {
  const { seq, time, ...body } = message;
  return { session_id: id, seq, time, body: JSON.stringify(sealed(body, vault)) };
}

/** The message of a row, with the marks that later lines have put on it. */
export function parseMessage(
  { seq, time, body, marks }: Pick<Selectable<Schema['messages']>, 'seq' | 'time' | 'body' | 'marks'>,
  vault: Vault,
): Message {
  const message: Message = Object.assign(opened(JSON.parse(body) as StoredBody, vault), { seq, time });
  return marks === null ? message : withMarks(message, JSON.parse(marks) as Marks);
}

/** A message body as it is stored: the provider part is a sealed text. */
type StoredBody = MessageBody & { provider?: string };

/** The body as it is stored. Every type but a model reply stays as it is. */
function sealed(body: MessageBody, vault: Vault): object {
  if (body.type !== 'model_reply' || !body.provider) return body;
  return { ...body, provider: vault.seal(JSON.stringify(body.provider)) };
}

/** The opposite of `sealed`. Throws as `Vault.open` does. */
function opened(stored: StoredBody, vault: Vault): MessageBody {
  if (stored.provider === undefined) return stored;
  return { ...stored, provider: JSON.parse(vault.open(stored.provider)) as ProviderPart } as MessageBody;
}
