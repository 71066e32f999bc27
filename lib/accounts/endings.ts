import type { Account } from '../core/principal.ts';
import type { AccountsDb } from './schema.ts';

/** Something that can end: a sign-in or key by its id, or all that a user has shown, by the user's uuid. */
export type Subject = `signIn:${string}` | `key:${string}` | `user:${string}`;

/** What holds something open: a user's credential, as it was when it was shown. */
export interface Holder {
  uuid: string;
  account: Pick<Account, 'credential' | 'role' | 'expiresAt'>;
}

/**
 * Tells who holds something open that what opened it is good no longer. What this process ends is told at once; what
 * another one does is read from the database, once for all that is open, and only while something is.
 */
export interface Endings {
  tell(subject: Subject): void;
  /** Calls `end` once, when the credential ends or its time is over; the result stops listening. */
  watch(holder: Holder, end: () => void): () => void;
  close(): Promise<void>;
}

interface Watch {
  subjects: readonly Subject[];
  role: string;
  until: number;
  end: () => void;
}

/** How far back a look goes, as clocks differ and transactions take their time. */
const LOOK_BACK_MS = 60_000;

/** Endings over the tables of users, sign-ins and keys; `everyMs` is how often they are looked at. */
export function openEndings(
  db: AccountsDb,
  now: () => number,
  onError: (error: unknown) => void,
  everyMs = 1000,
): Endings {
  const bySubject = new Map<Subject, Set<Watch>>();
  const all = new Set<Watch>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  function drop(watch: Watch): void {
    all.delete(watch);
    for (const subject of watch.subjects) {
      const same = bySubject.get(subject);
      same?.delete(watch);
      if (same?.size === 0) bySubject.delete(subject);
    }
    if (all.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  }

  function finish(watch: Watch): void {
    drop(watch);
    try {
      watch.end();
    } catch (error) {
      onError(error);
    }
  }

  /** Ends the watches of a subject, but for those that know of this role already. */
  function tell(subject: Subject, role?: string): void {
    for (const watch of bySubject.get(subject) ?? []) if (watch.role !== role) finish(watch);
  }

  async function look(): Promise<void> {
    const time = now();
    for (const watch of all) if (watch.until <= time) finish(watch);
    const since = time - LOOK_BACK_MS;
    const signIns = db.selectFrom('sign_ins').select('id').where('ended_at', '>', since);
    const keys = db.selectFrom('api_keys').select('id').where('ended_at', '>', since);
    const users = db
      .selectFrom('users')
      .select(['uuid', 'role', 'disabled_at'])
      .where('revoked_at', '>', since);
    for (const { id } of await signIns.execute()) tell(`signIn:${id}`);
    for (const { id } of await keys.execute()) tell(`key:${id}`);
    for (const { uuid, role, disabled_at: disabled } of await users.execute())
      tell(`user:${uuid}`, disabled === null ? role : undefined);
  }

  return {
    tell: (subject) => tell(subject),
    watch({ uuid, account: { credential, role, expiresAt } }, end) {
      const subjects: Subject[] = [`${credential.kind}:${credential.id}`, `user:${uuid}`];
      const watch: Watch = { subjects, role, until: expiresAt ?? Infinity, end };
      all.add(watch);
      for (const subject of subjects) {
        const same = bySubject.get(subject);
        if (same) same.add(watch);
        else bySubject.set(subject, new Set([watch]));
      }
      timer ??= setInterval(() => {
        looking ??= look()
          .catch(onError)
          .finally(() => (looking = undefined));
      }, everyMs).unref();
      return () => drop(watch);
    },
    async close() {
      for (const watch of all) drop(watch);
      await looking;
    },
  };
}
