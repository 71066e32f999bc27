import { t } from '../language.ts';
import { waitingCalls } from './command-room.ts';
import { WaitingCard } from './waiting-card.tsx';

/** The calls that wait for the user's decision. */
export function ApprovalsPage() {
  const calls = waitingCalls.value ?? [];
  return (
    <div class="page">
      <h1>{t('approvals')}</h1>
      {calls.length === 0 && <p class="soft">{t('noApprovals')}</p>}
      {calls.map((call) => (
        <WaitingCard key={call.id} call={call} />
      ))}
    </div>
  );
}
