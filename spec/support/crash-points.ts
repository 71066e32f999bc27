import { subscribe } from 'node:diagnostics_channel';
import type { Store } from '../../lib/core/store.ts';

/** The places in a task's life before and after which a node may die; `send` is the call that changes a device. */
export const crashPoints = [
  'before inbox',
  'after inbox',
  'before decision',
  'after decision',
  'before journal',
  'after journal',
  'before send',
  'after send',
  'before result',
  'after result',
] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** How a node crashes: it dies, or it says nothing for longer than a lease. */
export type CrashSignal = 'SIGKILL' | 'SIGSTOP';

/** The store as it is, telling of every point that is reached. Nothing runs between a point and what it is named after. */
export function withCrashPoints(store: Store, reach: (point: CrashPoint) => void): Store {
  async function around<T>(point: 'inbox' | 'decision' | 'journal' | 'result', work: () => Promise<T>) {
    reach(`before ${point}`);
    const value = await work();
    reach(`after ${point}`);
    return value;
  }
  return {
    ...store,
    enqueue: (...args) => around('inbox', () => store.enqueue(...args)),
    permit: (...args) => around('journal', () => store.permit(...args)),
    append(id, epoch, messages, ended) {
      const work = (): Promise<void> => store.append(id, epoch, messages, ended);
      if (messages.some((line) => line.type === 'model_reply' && line.calls.length > 0))
        return around('decision', work);
      return messages.some((line) => line.type === 'tool_result') ? around('result', work) : work();
    },
  };
}

/** The store without its journal, to see what the journal is for: every call may be sent, however often. */
export function withoutJournal(store: Store): Store {
  return { ...store, permit: () => Promise.resolve('given'), isPermitted: () => Promise.resolve(false) };
}

/** Tells when a call of the crash device is about to be written to its socket, and when it was. */
export function watchSends(reach: (point: CrashPoint) => void): void {
  const tell = (point: CrashPoint) => (message: unknown) => {
    const { request } = message as { request: { path: string } };
    if (request.path === '/write') reach(point);
  };
  subscribe('undici:client:sendHeaders', tell('before send'));
  subscribe('undici:request:bodySent', tell('after send'));
}
