import { signal } from '@preact/signals';
import { announce } from '../announcer.tsx';
import { call, CallError } from '../api.ts';
import type { ShownRule } from '../devices/rules-text.ts';
import { t } from '../language.ts';
import { notifyOfNew } from './notifications.ts';
import type { PendingRequest } from './shown-request.tsx';

/** A call that waits for the decision of a person (`GET /api/approvals`). */
export interface WaitingCall {
  id: string;
  session: string;
  device: string;
  name: string;
  parameters: Record<string, unknown>;
  /** `low`, `normal` or `high`. */
  risk: string;
  /** Why it waits, in the words of the server. */
  rule: string;
  /** The same rules as data; missing where no rule asks, or in a call of an earlier version of the server. */
  rules?: ShownRule[];
  askedByName?: string;
  /** When nobody can decide any more, as a time of the server. */
  expiresAt: string;
  /** Missing for a call that was asked by an earlier version of the server. */
  request?: PendingRequest;
}

/** The scope of an emergency stop. */
export type StopScope = 'all' | { device?: string; session?: string };

/** An emergency stop that is engaged (`GET /api/estop`). */
export interface EngagedStop {
  scope: StopScope;
  by: string;
  at: string;
  /** null: none was given. */
  reason: string | null;
}

/** The calls that the user may decide; undefined where the server, or the user's rights, have none. */
export const waitingCalls = signal<readonly WaitingCall[] | undefined>(undefined);
/** The stops that are engaged; undefined where there are none to engage. */
export const engagedStops = signal<readonly EngagedStop[] | undefined>(undefined);

/** How long a call may wait before the page shows it. */
const READ_EVERY_MS = 3000;

/** Reads approvals and stops again and again, until the returned function is called. */
export function followCommands(): () => void {
  void readCommands();
  const timer = setInterval(() => void readCommands(), READ_EVERY_MS);
  return () => clearInterval(timer);
}

/** Reads the approvals and the stops now. */
export async function readCommands(): Promise<void> {
  const [calls, stops] = await Promise.all([
    read<WaitingCall[]>('/api/approvals', waitingCalls.peek() as WaitingCall[] | undefined),
    read<{ stops: EngagedStop[] }>(
      '/api/estop',
      engagedStops.peek() && { stops: [...(engagedStops.peek() ?? [])] },
    ),
  ]);
  if (calls) notifyOfNew(calls, waitingCalls.peek());
  const news = [
    ...newsOfCalls(calls, waitingCalls.peek()),
    ...newsOfStops(stops?.stops, engagedStops.peek()),
  ];
  if (news.length > 0) announce(news.join(' '));
  waitingCalls.value = calls;
  engagedStops.value = stops?.stops;
}

/** The calls that began to wait since the last reading, in words. */
function newsOfCalls(
  calls: readonly WaitingCall[] = [],
  before: readonly WaitingCall[] | undefined = calls,
): string[] {
  const known = new Set(before.map(({ id }) => id));
  return calls
    .filter(({ id }) => !known.has(id))
    .map(({ device, name }) => t('callWaiting', { device, name }));
}

/** The stops that were engaged or released since the last reading, in words. */
function newsOfStops(
  stops: readonly EngagedStop[] = [],
  before: readonly EngagedStop[] | undefined = stops,
): string[] {
  const [now, then] = [stops, before].map((some) => some.map(({ scope }) => scopeText(scope)));
  const engaged = now!.filter((words) => !then!.includes(words));
  return then!.some((words) => !now!.includes(words)) ? [...engaged, t('estopReleased')] : engaged;
}

/** The scope of a stop in words. */
export function scopeText(scope: StopScope): string {
  if (scope === 'all') return t('estopScopeAll');
  return scope.device === undefined ? t('estopScopeSession') : t('estopScopeDevice', { name: scope.device });
}

/** The answer; undefined where there is no such call for the user; the old value while the server is silent. */
async function read<T>(path: string, old: T | undefined): Promise<T | undefined> {
  try {
    return await call<T>('GET', path);
  } catch (error) {
    return error instanceof CallError && error.status !== 0 && error.status < 500 ? undefined : old;
  }
}

/** Decides about a call. The first decision holds; a later one rejects with it. */
export async function decide(id: string, decision: 'approve' | 'reject', reason: string): Promise<void> {
  const said = reason.trim();
  try {
    await call('POST', `/api/approvals/${encodeURIComponent(id)}`, {
      decision,
      ...(said !== '' && { reason: said }),
    });
  } finally {
    // Also after a refusal: another person may have decided first, and the list says so.
    await readCommands();
  }
}

/** Engages an emergency stop. */
export async function engageStop(scope: StopScope): Promise<void> {
  await call('POST', '/api/estop', { scope });
  await readCommands();
}

/** Releases the emergency stops of a scope; only who commands devices may. */
export async function releaseStop(scope: StopScope, reason: string): Promise<void> {
  await call('POST', '/api/estop/release', { scope, reason });
  await readCommands();
}
