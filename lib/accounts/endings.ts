import type { Clock } from '../common/clock.ts';
import { startPeriodic, type Periodic } from '../common/periodic.ts';
import type { Account } from '../core/principal.ts';
import type { AccountsDb } from './schema.ts';

/** A credential that can end: a sign-in or key by its id, or all credentials of a user, by the user's uuid. */
export type Subject = `signIn:${string}` | `key:${string}` | `user:${string}`;

/** The credential behind an open connection, as it was when the connection was opened. */
export interface Holder {
  uuid: string;
  account: Pick<Account, 'credential' | 'role' | 'approved' | 'expiresAt'>;
}

/**
 * Notifies open connections when their credential is revoked or expires. Endings of this process are notified at once.
 * Endings of other processes are read from the database, once for all connections, and only while there is one.
 */
export interface Endings {
  /** Ends every connection of a subject. */
  tell(subject: Subject): void;
  /** Calls `end` once, when the credential is revoked or expires. Returns the way out. */
  watch(holder: Holder, end: () => void): () => void;
  close(): Promise<void>;
}

/** An open connection that waits for the end of its credential. */
interface Watch {
  subjects: readonly Subject[];
  /** The rights with which the connection was opened. */
  rights: string;
  until: number;
  end: () => void;
}

/** How far back a look goes: clocks of processes differ, and transactions take their time. */
const LOOK_BACK_MS = 60_000;
/** A revoked credential of another node ends its connections after this time. */
const LOOK_EVERY_MS = 1000;

/** Endings over the tables of users, sign-ins and keys, which are read every `everyMs`. */
export function openEndings(
  db: AccountsDb,
  clock: Clock,
  onError: (error: unknown) => void,
  everyMs = LOOK_EVERY_MS,
): Endings {
  return new WatchedEndings(db, clock, onError, everyMs);
}

/** The watches by their subjects, and the job that looks at the database. */
class WatchedEndings implements Endings {
  readonly #db: AccountsDb;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #everyMs: number;
  readonly #bySubject = new Map<Subject, Set<Watch>>();
  readonly #all = new Set<Watch>();
  #looking: Periodic | undefined;

  constructor(db: AccountsDb, clock: Clock, onError: (error: unknown) => void, everyMs: number) {
    this.#db = db;
    this.#clock = clock;
    this.#onError = onError;
    this.#everyMs = everyMs;
  }

  tell(subject: Subject): void {
    this.#tell(subject, undefined);
  }

  watch({ uuid, account }: Holder, end: () => void): () => void {
    const { credential, expiresAt } = account;
    const subjects: Subject[] = [`${credential.kind}:${credential.id}`, `user:${uuid}`];
    const watch: Watch = { subjects, rights: rightsOf(account), until: expiresAt ?? Infinity, end };
    this.#all.add(watch);
    for (const subject of subjects) {
      const same = this.#bySubject.get(subject);
      if (same) same.add(watch);
      else this.#bySubject.set(subject, new Set([watch]));
    }
    this.#looking ??= startPeriodic({
      pauseMs: this.#everyMs,
      work: () => this.#look(),
      onError: this.#onError,
      clock: this.#clock,
    });
    return () => this.#drop(watch);
  }

  async close(): Promise<void> {
    const looking = this.#looking;
    for (const watch of this.#all) this.#drop(watch);
    await looking?.stop();
  }

  /** Forgets a watch; without any watch nothing is read. */
  #drop(watch: Watch): void {
    this.#all.delete(watch);
    for (const subject of watch.subjects) {
      const same = this.#bySubject.get(subject);
      same?.delete(watch);
      if (same?.size === 0) this.#bySubject.delete(subject);
    }
    if (this.#all.size > 0) return;
    void this.#looking?.stop();
    this.#looking = undefined;
  }

  /** Ends a watch. A failure of its owner does not stop the others. */
  #finish(watch: Watch): void {
    this.#drop(watch);
    try {
      watch.end();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Ends the watches of a subject, except those that were opened with these rights. */
  #tell(subject: Subject, rights: string | undefined): void {
    for (const watch of this.#bySubject.get(subject) ?? []) if (watch.rights !== rights) this.#finish(watch);
  }

  /** Ends the watches whose credential expired, or was ended by another process. */
  async #look(): Promise<void> {
    const time = this.#clock.now();
    for (const watch of this.#all) if (watch.until <= time) this.#finish(watch);
    const since = time - LOOK_BACK_MS;
    const [signIns, keys, users, removed] = [
      this.#db.selectFrom('sign_ins').select('id').where('ended_at', '>', since),
      this.#db.selectFrom('api_keys').select('id').where('ended_at', '>', since),
      this.#db
        .selectFrom('users')
        .select(['uuid', 'role', 'approved_at', 'disabled_at'])
        .where('revoked_at', '>', since),
      this.#db.selectFrom('user_removals').select('user_uuid').where('begun_at', '>', since),
    ];
    for (const { id } of await signIns.execute()) this.tell(`signIn:${id}`);
    for (const { id } of await keys.execute()) this.tell(`key:${id}`);
    for (const { uuid, role, disabled_at: disabled, approved_at: approvedAt } of await users.execute())
      this.#tell(
        `user:${uuid}`,
        disabled === null ? rightsOf({ role, approved: approvedAt !== null }) : undefined,
      );
    for (const { user_uuid: uuid } of await removed.execute()) this.tell(`user:${uuid}`);
  }
}

/** The rights of a user, in a form that can be compared. */
function rightsOf({ role, approved }: Pick<Account, 'role' | 'approved'>): string {
  return approved ? role : `${role}, not approved`;
}
