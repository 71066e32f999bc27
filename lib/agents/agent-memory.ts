/*
 * How a summary grows: the model gets the summary so far and the turns that have ended since, and writes a new one. The
 * row of the app has the number of the last line that is in the summary. It also has a revision: a node that was slower
 * than another finds a higher revision, writes nothing and begins anew.
 */

import { createBackgroundWork, type BackgroundWork } from '../common/background-work.ts';
import type { Message } from '../core/message.ts';
import type { Model, ModelConfig } from '../core/model.ts';
import type { Store } from '../core/store.ts';
import { turnsOf, type Turn } from '../core/turns.ts';
import { AppError } from '../errors.ts';
import type { Vault } from '../store/vault.ts';
import { appOf } from './app-rows.ts';
import type { AgentsDb, AppsTable } from './schema.ts';
import { summarize } from './summary.ts';

/** The running summaries of apps' conversations, written by the model. An app that does not remember has none. */
export interface AgentMemory {
  /** The summary, with every turn that has ended. When the model fails, the summary before; `onError` receives the failure. */
  read(appId: string): Promise<string>;
  /** Starts to take up the turns that have ended. */
  keep(appId: string): void;
  /** Replaces the summary of everything that was said so far by a text of somebody else. */
  write(appId: string, summary: string): Promise<void>;
  /**
   * Forgets a line of the conversation that was deleted. Nobody can take one sentence out of a summary, so that a summary which may
   * have it is dropped, and is written anew from the turns that are left.
   */
  forget(appId: string, seq: number): Promise<void>;
  /** The app's conversation begins with an empty log: its lines are numbered anew. */
  restart(appId: string): Promise<void>;
  /** Stops the summaries that are being written; the next node takes them up. */
  close(): Promise<void>;
}

/** The parts that summaries take. */
export interface AgentMemoryOptions {
  db: AgentsDb;
  vault: Vault;
  store: Pick<Store, 'read'>;
  openModel: (config: ModelConfig) => Model;
  onError: (error: unknown) => void;
}

/** So many lines of a log are read at once. */
const LINES_A_PAGE = 500;
/** The length of the text that goes into one summary, about; the rest goes into the next. */
const TEXT_MAX_LENGTH = 16_000;

/** The summaries in the database. Several nodes may keep the same one: the later one begins anew. */
export function openAgentMemory(options: AgentMemoryOptions): AgentMemory {
  return new StoredSummaries(options);
}

/** Summaries over the table of apps, and the work on them in this process. */
class StoredSummaries implements AgentMemory {
  readonly #options: AgentMemoryOptions;
  readonly #work: BackgroundWork;

  constructor(options: AgentMemoryOptions) {
    this.#options = options;
    this.#work = createBackgroundWork(options.onError);
  }

  async read(appId: string): Promise<string> {
    await this.#catchUp(appId);
    return (await this.#find(appId))?.memory ?? '';
  }

  keep(appId: string): void {
    void this.#catchUp(appId);
  }

  async write(appId: string, memory: string): Promise<void> {
    // The text stands for everything that was said: the lines up to the last ended task are not summarized again.
    const { memory_seq: known = 0, conversation_id: conversation } = (await this.#find(appId)) ?? {};
    let seq = known;
    while (conversation) {
      const end = (await this.#endedLines(conversation, seq)).at(-1);
      if (!end) break;
      seq = end.seq;
    }
    await this.#change(appId, { memory, memory_seq: seq });
  }

  async forget(appId: string, seq: number): Promise<void> {
    const { memory_seq: known = 0 } = (await this.#find(appId)) ?? {};
    // The new revision also stops a summary that is being written from the deleted line at this moment.
    await this.#change(appId, known < seq ? {} : { memory: '', memory_seq: 0 });
  }

  restart(appId: string): Promise<void> {
    return this.#change(appId, { memory_seq: 0 });
  }

  close(): Promise<void> {
    return this.#work.close(new AppError('stopped', 'The server is going away.'));
  }

  /** Takes up the turns that have ended by now, once for all who ask at the same time. */
  #catchUp(appId: string): Promise<void> {
    return this.#work.run(appId, async (signal) => {
      try {
        while (!signal.aborted && (await this.#takeUpPortion(appId, signal)));
      } catch (error) {
        if (!signal.aborted) throw error; // else the model's failure is only that it was stopped
      }
    });
  }

  /** False: nothing is left to take up. */
  async #takeUpPortion(appId: string, signal: AbortSignal): Promise<boolean> {
    const { db, vault, openModel } = this.#options;
    const row = await db
      .selectFrom('apps')
      .selectAll()
      .where('id', '=', appId)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row?.conversation_id) return false;
    const lines = await this.#endedLines(row.conversation_id, row.memory_seq);
    if (lines.length === 0) return false;
    const versions = await db.selectFrom('app_versions').selectAll().where('app_id', '=', appId).execute();
    const app = appOf(row, versions, vault);
    const version = app.draft ?? app.published;
    // The lines stay untaken: when the app remembers again, they are summarized then.
    if (!version?.remembers) return false;
    const { turns, seq } = portionOf(lines);
    const memory =
      // No turn has an answer: the number moves on, and the model is not asked.
      turns.length === 0
        ? row.memory
        : await summarize(openModel((await version.open()).model ?? {}), row.memory, turns, signal);
    // When another node was faster nothing is written, and the next portion begins with its row.
    await this.#change(appId, { memory, memory_seq: seq }, row.memory_revision);
    return true;
  }

  /** The lines of a log after a number, up to the last task that has ended; none when none has. */
  async #endedLines(conversation: string, after: number): Promise<Message[]> {
    const lines: Message[] = [];
    for (;;) {
      const from = lines.at(-1)?.seq ?? after;
      const page = await this.#options.store.read(conversation, from, LINES_A_PAGE);
      lines.push(...page);
      // A task that still runs is taken up when it has ended, with all of its lines.
      const end = lines.findLastIndex(({ type }) => type === 'task_ended');
      if (end >= 0 || page.length < LINES_A_PAGE) return lines.slice(0, end + 1);
    }
  }

  /** Writes the columns, unless the summary has another revision by now. */
  async #change(
    appId: string,
    columns: Partial<Pick<AppsTable, 'memory' | 'memory_seq'>>,
    revision?: number,
  ): Promise<void> {
    let update = this.#options.db
      .updateTable('apps')
      .set(({ eb }) => ({ ...columns, memory_revision: eb('memory_revision', '+', 1) }))
      .where('id', '=', appId);
    if (revision !== undefined) update = update.where('memory_revision', '=', revision);
    await update.execute();
  }

  /** The row of an app, also of a removed one. */
  #find(appId: string): Promise<AppsTable | undefined> {
    return this.#options.db.selectFrom('apps').selectAll().where('id', '=', appId).executeTakeFirst();
  }
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
    // At least one turn: one that is larger than the limit goes alone.
    if (turns.length > 0 && more > TEXT_MAX_LENGTH) return { turns, seq: ends.get(turns.at(-1)!.taskId)! };
    turns.push(turn);
    length = more;
  }
  return { turns, seq: lines.at(-1)!.seq };
}
