import type { Generated } from 'kysely';

/** The tables, the same on SQLite and PostgreSQL. Times are ms since the epoch. */
export interface Schema {
  sessions: SessionsTable;
  messages: MessagesTable;
  tasks: TasksTable;
  task_contents: TaskContentsTable;
  calls: CallsTable;
  controls: ControlsTable;
  nodes: NodesTable;
  questions: QuestionsTable;
  estops: EstopsTable;
}

/** The sessions. */
interface SessionsTable {
  id: string;
  /** The id of the principal that made the session. */
  owner: string;
  /** The configuration, sealed. */
  config: string;
  /** The length of the configuration, so that a sum over sessions need not read it. */
  config_bytes: Generated<number>;
  created_at: number;
  /** null: never. */
  expires_at: number | null;
  /** Raised by every claim; writes under an older one are refused. */
  epoch: number;
  /** The node that owns the session, for as long as its lease lasts. */
  node: string | null;
  /** The notes of clients about it, as JSON. */
  attributes: Generated<string | null>;
}

/** The log: append-only, numbered without gaps in a session. */
interface MessagesTable {
  session_id: string;
  seq: number;
  /** By the clock of the node that appended the line. */
  time: number;
  /** The message as JSON, without number and time. */
  body: string;
  /** The marks that later lines put on it, as JSON. */
  marks: Generated<string | null>;
}

/** The inbox: what users asked for. */
interface TasksTable {
  session_id: string;
  task_id: string;
  /** Order of arrival. */
  position: number;
  /** The length of its content in UTF-8. */
  bytes: number;
  /** 1: the client wants the text while the model speaks. */
  stream: number;
  /** 1: it was told to stop; 2: by an emergency stop. */
  stopping: number;
  /** `open` until the last line of the task is in the log. */
  status: 'open' | 'done' | 'stopped' | 'failed';
}

/** The contents of the tasks, apart from their states: SQLite writes a whole row anew when a part of it changes. */
interface TaskContentsTable {
  session_id: string;
  task_id: string;
  /** Form and content as JSON: the same text is the same task. */
  body: string;
}

/** The journal: write calls that may have been sent. It outlives the log. */
interface CallsTable {
  session_id: string;
  /** The number of the decision that asked for the call. */
  seq: number;
  call_id: string;
  task_id: string;
  tool: string;
  /** JSON; whole numbers have all their digits. */
  arguments: string;
  /** `sent`: nobody has reported an outcome yet. `none`: surely not sent, so that it may be permitted again. */
  outcome: 'sent' | 'done' | 'none' | 'unknown';
  sent_at: number;
  /** When the outcome was written; null while it is `sent`. */
  settled_at: number | null;
}

/** The processes that share a PostgreSQL, each under a name of its own for every lease that ran out. */
interface NodesTable {
  name: string;
  /** By the clock of the database. */
  lease_until: number;
  /** The newest emergency stop that the node has carried out. */
  estop_seen: Generated<number>;
}

/** The questions that calls ask people and clients. */
interface QuestionsTable {
  id: string;
  session_id: string;
  /** The key of the call, as in the journal. */
  seq: number;
  call_id: string;
  task_id: string;
  kind: 'approval' | 'result';
  /** Order of asking: a call may ask again. */
  position: number;
  /** The question as JSON. */
  body: string;
  /** Names the call exactly (see StoredQuestion); empty for a question to a client. */
  digest: string;
  expires_at: number;
  /** 1 until the question is over. */
  is_open: number;
  /** The first answer, as JSON. */
  answer: string | null;
}

/** The emergency stops. `scope` is `all`, `device:<name>` or `session:<id>`. */
interface EstopsTable {
  id: number;
  scope: string;
  reason: string | null;
  engaged_by: string;
  engaged_at: number;
  released_by: string | null;
  /** null: the stop holds. */
  released_at: number | null;
  release_reason: string | null;
}

/** The wishes of nodes for a session's owner. */
interface ControlsTable {
  session_id: string;
  key: string;
  position: number;
  /** See `Control` in core/store.ts. */
  kind: 'stop' | 'clear' | 'note';
  /** The task to be stopped; null: all of them. */
  task_id: string | null;
  /** The line to be noted, as JSON. */
  line: Generated<string | null>;
}
