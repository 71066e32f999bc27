import { useButtonWork } from '../button-work.ts';
import { t } from '../language.ts';
import { waitingCalls } from './command-room.ts';
import { notifications, turnNotificationsOff, turnNotificationsOn } from './notifications.ts';
import { WaitingCard } from './waiting-card.tsx';

/** The calls that wait for the user's decision, and the notifications of new ones. */
export function ApprovalsPage() {
  const calls = waitingCalls.value ?? [];
  return (
    <div class="page">
      <h1>{t('approvals')}</h1>
      <NotificationSwitch />
      {calls.length === 0 && <p class="soft">{t('noApprovals')}</p>}
      {calls.map((call) => (
        <WaitingCard key={call.id} call={call} />
      ))}
    </div>
  );
}

function NotificationSwitch() {
  const { begin } = useButtonWork();
  const state = notifications.value;
  if (state === 'unknown') return null;
  if (state === 'denied') return <p class="soft small">{t('notifyDenied')}</p>;
  return (
    <button
      type="button"
      class="start"
      onClick={() => (state === 'on' ? turnNotificationsOff() : begin(turnNotificationsOn))}
    >
      {t(state === 'on' ? 'notifyOff' : 'notifyOn')}
    </button>
  );
}
