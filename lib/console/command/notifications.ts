import { signal } from '@preact/signals';
import { t } from '../language.ts';
import { go } from '../route.ts';
import type { WaitingCall } from './command-room.ts';

const KEPT = 'lite-agent.notifications';
const isKnown = 'Notification' in globalThis;

/** Whether the browser notifies the user of calls that wait. `denied`: only the settings of the browser can change that. */
export const notifications = signal<'unknown' | 'off' | 'on' | 'denied'>(firstState());

function firstState(): 'unknown' | 'off' | 'on' | 'denied' {
  if (!isKnown) return 'unknown';
  if (Notification.permission === 'denied') return 'denied';
  return Notification.permission === 'granted' && localStorage.getItem(KEPT) === 'on' ? 'on' : 'off';
}

/** Asks the browser for its permission, as a button does: a page that asks by itself is refused by people and browsers. */
export async function turnNotificationsOn(): Promise<void> {
  await Notification.requestPermission();
  localStorage.setItem(KEPT, 'on');
  notifications.value = firstState();
}

/** Ends the notifications, also at the next visit. */
export function turnNotificationsOff(): void {
  localStorage.removeItem(KEPT);
  notifications.value = firstState();
}

/** Shows a notification for each call that waits since the last reading, where nobody looks at the page. */
export function notifyOfNew(calls: readonly WaitingCall[], before: readonly WaitingCall[] | undefined): void {
  if (notifications.value !== 'on' || before === undefined || !document.hidden) return;
  const known = new Set(before.map(({ id }) => id));
  for (const { id, device, name } of calls.filter((call) => !known.has(call.id))) {
    // The tag keeps two tabs from showing the same call twice.
    const shown = new Notification(t('notifyTitle', { device }), { body: name, tag: id });
    shown.addEventListener('click', () => {
      window.focus();
      go('approvals');
      shown.close();
    });
  }
}
