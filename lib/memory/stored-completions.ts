import type { Kysely } from 'kysely';
import { systemClock, type Clock } from '../common/clock.ts';
import { formatExactly, parseFormatted } from '../common/exact-numbers.ts';
import type { JsonObject, JsonValue } from '../common/json.ts';
import type { Metadata } from '../core/message.ts';

/** The table of completions, the same on SQLite and PostgreSQL. */
export interface CompletionTables {
  completions: {
    owner: string;
    id: string;
    model: string;
    /** JSON. */
    metadata: string;
    /** Ms since the epoch. */
    created_at: number;
    /** JSON, with the request's messages and the answer; null when only the metadata are kept. */
    content: string | null;
  };
}

/** The messages of a request, and the `chat.completion` that answered them. */
export interface CompletionContent {
  messages: JsonValue[];
  answer: JsonObject;
}

/** A completion that a client wants to find again. */
export interface StoredCompletion extends CompletionContent {
  id: string;
  metadata: Metadata;
}

/** A page of the completions of one owner. */
export interface CompletionPage {
  limit: number;
  order: 'asc' | 'desc';
  /** The id before the first one. */
  after?: string | undefined;
  /** The name of the model, exactly; all models when missing. */
  model?: string | undefined;
  /** Pairs that the metadata must have. */
  metadata: Metadata;
}

/** Completions that belong to no thread, for each owner. The oldest are removed when there are too many. */
export interface StoredCompletions {
  /** Stores the metadata of a completion, and its content when there is one. It replaces the completion of the same id. */
  keep(
    owner: string,
    completion: { id: string; model: string; metadata: Metadata; content?: CompletionContent | undefined },
  ): Promise<void>;
  /** A completion with content; undefined when there is none. */
  find(owner: string, id: string): Promise<StoredCompletion | undefined>;
  /** The completions with content. `more`: there are others after the page. Undefined when `after` is unknown. */
  list(
    owner: string,
    page: CompletionPage,
  ): Promise<{ completions: StoredCompletion[]; more: boolean } | undefined>;
  /** Replaces all metadata. Nothing happens where there is no such completion. */
  changeMetadata(owner: string, id: string, metadata: Metadata): Promise<void>;
  /** Removes a completion. Nothing happens where there is none. */
  remove(owner: string, id: string): Promise<void>;
  /** Removes all completions of an owner. */
  removeOwner(owner: string): Promise<void>;
}

/** How many old completions one new completion removes at most. */
const REMOVED_AT_ONCE = 100;

/** Completions in the database, at most `maxCount` for each owner. */
export function createStoredCompletions(
  db: Kysely<CompletionTables>,
  maxCount: number,
  clock: Clock = systemClock,
): StoredCompletions {
  return new CompletionRows(db, maxCount, clock);
}

/** Completions over their table. */
class CompletionRows implements StoredCompletions {
  readonly #db: Kysely<CompletionTables>;
  readonly #maxCount: number;
  readonly #clock: Clock;

  constructor(db: Kysely<CompletionTables>, maxCount: number, clock: Clock) {
    this.#db = db;
    this.#maxCount = maxCount;
    this.#clock = clock;
  }

  async keep(
    owner: string,
    { id, model, metadata, content }: Parameters<StoredCompletions['keep']>[1],
  ): Promise<void> {
    const row = {
      owner,
      id,
      model,
      metadata: JSON.stringify(metadata),
      created_at: this.#clock.now(),
      content: content ? formatExactly(content as unknown as JsonObject) : null,
    };
    await this.#db
      .insertInto('completions')
      .values(row)
      .onConflict((conflict) => conflict.columns(['owner', 'id']).doUpdateSet(row))
      .execute();
    await this.#removeOldest(owner);
  }

  async find(owner: string, id: string): Promise<StoredCompletion | undefined> {
    const [found] = await this.#read(owner, [id]);
    return found;
  }

  async list(
    owner: string,
    { limit, order, after, model, metadata }: CompletionPage,
  ): Promise<{ completions: StoredCompletion[]; more: boolean } | undefined> {
    // Without the contents, which may be large: only those of the page are read.
    const heads = await this.#db
      .selectFrom('completions')
      .select(['id', 'model', 'metadata'])
      .where('owner', '=', owner)
      .where('content', 'is not', null)
      .orderBy('created_at', order)
      .orderBy('id', order)
      .execute();
    // `after` need not fit the filters: it is the place in the whole list at which the page begins.
    const start = after === undefined ? 0 : heads.findIndex(({ id }) => id === after) + 1;
    if (after !== undefined && start === 0) return undefined;
    const wanted = heads
      .slice(start)
      .filter((head) => (model ?? head.model) === head.model && hasPairs(head.metadata, metadata))
      .map(({ id }) => id);
    const completions = await this.#read(owner, wanted.slice(0, limit));
    return { completions, more: wanted.length > limit };
  }

  async changeMetadata(owner: string, id: string, metadata: Metadata): Promise<void> {
    await this.#db
      .updateTable('completions')
      .set({ metadata: JSON.stringify(metadata) })
      .where('owner', '=', owner)
      .where('id', '=', id)
      .execute();
  }

  async remove(owner: string, id: string): Promise<void> {
    await this.#db.deleteFrom('completions').where('owner', '=', owner).where('id', '=', id).execute();
  }

  async removeOwner(owner: string): Promise<void> {
    await this.#db.deleteFrom('completions').where('owner', '=', owner).execute();
  }

  /** The completions of these ids with content, in the order of the ids. */
  async #read(owner: string, ids: readonly string[]): Promise<StoredCompletion[]> {
    if (ids.length === 0) return [];
    const rows = await this.#db
      .selectFrom('completions')
      .select(['id', 'metadata', 'content'])
      .where('owner', '=', owner)
      .where('id', 'in', ids)
      .execute();
    return ids.flatMap((id) => {
      const row = rows.find((one) => one.id === id);
      // A completion may be removed between the two reads.
      if (!row || row.content === null) return [];
      const content = parseFormatted(row.content) as unknown as CompletionContent;
      return { id, metadata: JSON.parse(row.metadata) as Metadata, ...content };
    });
  }

  async #removeOldest(owner: string): Promise<void> {
    const oldest = await this.#db
      .selectFrom('completions')
      .select('id')
      .where('owner', '=', owner)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(REMOVED_AT_ONCE)
      // The newest stay; of those behind them one portion goes with each new completion.
      .offset(this.#maxCount)
      .execute();
    if (oldest.length === 0) return;
    await this.#db
      .deleteFrom('completions')
      .where('owner', '=', owner)
      .where(
        'id',
        'in',
        oldest.map(({ id }) => id),
      )
      .execute();
  }
}

/** Whether stored metadata (JSON) have all these pairs. */
function hasPairs(stored: string, pairs: Metadata): boolean {
  const metadata = JSON.parse(stored) as Metadata;
  return Object.entries(pairs).every(([key, value]) => metadata[key] === value);
}
