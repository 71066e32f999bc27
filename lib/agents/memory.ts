import type { Message } from '../core/message.ts';
import type { Model, ModelConfig } from '../core/model.ts';
import type { Store } from '../core/store.ts';
import { turnsOf, type Turn } from '../core/turns.ts';
import { appOf } from './app-rows.ts';
import type { AgentsDb, AppsTable } from './schema.ts';
import type { Vault } from './secrets.ts';
import { summarize } from './summary.ts';

/** The running summaries of apps' conversations, kept by the model; where an app does not remember, nothing happens. */
export interface Memory {
  /** The summary, with every turn that has ended; as it was when the model fails, which is told to `onError`. */
  read(appId: string): Promise<string>;
  /** Begins to take up the turns that have ended. */
  keep(appId: string): void;
  /** Somebody else's words, for everything that was said so far. */
  write(appId: string, summary: string): Promise<void>;
  /** The app's conversation begins with an empty log: its lines are numbered anew. */
  restart(appId: string): Promise<void>;
  /** Gives up what is being written; the next node takes it up. */
  close(): Promise<void>;
}

export interface MemoryOptions {
  db: AgentsDb;
  vault: Vault;
  store: Pick<Store, 'read'>;
  openModel: (config: ModelConfig) => Model;
  onError: (error: unknown) => void;
}

const LINES_A_PAGE = 500;
/** How much text goes into one summary, about; the rest into the next. */
const TEXT_MAX_LENGTH = 16_000;

/** The summaries in the database. Several nodes may keep the same one: whoever is late begins anew. */
export function openMemory({ db, vault, store, openModel, onError }: MemoryOptions): Memory {
  const closing = new AbortController();
  /** For each app what is being done, and what begins after it. */
  const works = new Map<string, { running: Promise<void>; next?: Promise<void> }>();

  /** Takes up what has ended by now, once for all who want it at the same time. Never rejects. */
  function catchUp(appId: string): Promise<void> {
    const work = works.get(appId);
    if (work) return (work.next ??= work.running.then(() => begin(appId)));
    return begin(appId);
  }

  function begin(appId: string): Promise<void> {
    const running = fold(appId)
      .catch((error: unknown) => {
        if (!closing.signal.aborted) onError(error);
      })
      .finally(() => {
        if (works.get(appId) === work && !work.next) works.delete(appId);
      });
    const work: { running: Promise<void>; next?: Promise<void> } = { running };
    works.set(appId, work);
    return running;
  }

  async function fold(appId: string): Promise<void> {
    while (!closing.signal.aborted) {
      const row = await db
        .selectFrom('apps')
        .selectAll()
        .where('id', '=', appId)
        .where('deleted_at', 'is', null)
        .executeTakeFirst();
      if (!row?.conversation_id) return;
      const lines = await linesAfter(row.conversation_id, row.memory_seq);
      if (lines.length === 0) return;
      const versions = await db.selectFrom('app_versions').selectAll().where('app_id', '=', appId).execute();
      const app = appOf(row, versions, vault);
      const version = app.draft ?? app.published;
      if (!version?.remembers) return;
      const { turns, seq } = portionOf(lines);
      const memory =
        turns.length === 0
          ? row.memory
          : await summarize(openModel(version.config.model ?? {}), row.memory, turns, closing.signal);
      await change(appId, { memory, memory_seq: seq }, row.memory_revision);
    }
  }

  /** The lines of a log after a number, up to the last task that has ended; none when none has. */
  async function linesAfter(conversation: string, after: number): Promise<Message[]> {
    const lines: Message[] = [];
    for (;;) {
      const page = await store.read(conversation, lines.at(-1)?.seq ?? after, LINES_A_PAGE);
      lines.push(...page);
      const end = lines.findLastIndex(({ type }) => type === 'task_ended');
      if (end >= 0 || page.length < LINES_A_PAGE) return lines.slice(0, end + 1);
    }
  }

  /** Does nothing when the summary has another revision by now. */
  async function change(
    appId: string,
    columns: Partial<Pick<AppsTable, 'memory' | 'memory_seq'>>,
    revision?: number,
  ): Promise<void> {
    let update = db
      .updateTable('apps')
      .set(({ eb }) => ({ ...columns, memory_revision: eb('memory_revision', '+', 1) }))
      .where('id', '=', appId);
    if (revision !== undefined) update = update.where('memory_revision', '=', revision);
    await update.execute();
  }

  async function stored(appId: string): Promise<AppsTable | undefined> {
    return db.selectFrom('apps').selectAll().where('id', '=', appId).executeTakeFirst();
  }

  return {
    async read(appId) {
      await catchUp(appId);
      return (await stored(appId))?.memory ?? '';
    },
    keep: (appId) => void catchUp(appId),
    async write(appId, memory) {
      const { memory_seq: known = 0, conversation_id: conversation } = (await stored(appId)) ?? {};
      let seq = known;
      while (conversation) {
        const end = (await linesAfter(conversation, seq)).at(-1);
        if (!end) break;
        seq = end.seq;
      }
      await change(appId, { memory, memory_seq: seq });
    },
    restart: (appId) => change(appId, { memory_seq: 0 }),
    async close() {
      closing.abort();
      await Promise.all([...works.values()].map(({ running, next }) => next ?? running));
    },
  };
}

/** The first answered turns, as many as fit into one summary, and the number of the last line that goes with them. */
function portionOf(lines: readonly Message[]): { turns: Turn[]; seq: number } {
  const turns: Turn[] = [];
  let length = 0;
  const ends = new Map(
    lines.flatMap((line) =>
      line.type === 'task_ended' && line.taskId !== null ? [[line.taskId, line.seq]] : [],
    ),
  );
  for (const turn of turnsOf(lines)) {
    const end = ends.get(turn.taskId);
    if (end === undefined || turn.status !== 'done' || turn.answer === undefined || turn.removed.answer)
      continue;
    const more = length + turn.said.length + turn.answer.length;
    if (turns.length > 0 && more > TEXT_MAX_LENGTH) return { turns, seq: ends.get(turns.at(-1)!.taskId)! };
    turns.push(turn);
    length = more;
  }
  return { turns, seq: lines.at(-1)!.seq };
}
