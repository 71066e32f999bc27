import type { LiveSession } from './live-session.ts';

/**
 * Ends the tasks on this node that an emergency stop is for: all, those that may call a device, or those of one session.
 * Resolves when nothing new can be sent for them, also after a crash. Calls into a safe state go on.
 */
export async function haltTasks(
  sessions: { loaded(): Promise<LiveSession[]> },
  scope: { device?: string; session?: string },
): Promise<void> {
  const live = await sessions.loaded();
  const meant = live.filter(
    ({ id, config }) =>
      (scope.session === undefined || id === scope.session) && config.direct !== 'safe_state',
  );
  await Promise.all(meant.map((session) => session.halt(scope.device)));
}
