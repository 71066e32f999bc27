import { useSignal } from '@preact/signals';
import { t, timeText } from '../language.ts';
import { hrefOf } from '../route.ts';
import { decide, type WaitingCall } from './command-room.ts';

/** A call that waits: what would be sent, why it waits, and the two decisions. */
export function WaitingCard({ call }: { call: WaitingCall }) {
  const { id, session, device, name, parameters, rule, askedBy, expiresAt } = call;
  const reason = useSignal('');
  const fault = useSignal('');
  const isBusy = useSignal(false);
  const answer = (decision: 'approve' | 'reject'): void => {
    isBusy.value = true;
    decide(id, decision, reason.value)
      .catch((error: unknown) => (fault.value = error instanceof Error ? error.message : String(error)))
      .finally(() => (isBusy.value = false));
  };
  const until = timeText(Date.parse(expiresAt.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')));
  return (
    <section class="card waiting" aria-label={`${device} ${name}`}>
      <h2>
        {device} · <code>{name}</code>
      </h2>
      <dl class="parameters">
        {Object.entries(parameters).map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
      <p class="soft small">
        {[rule, askedBy, t('expires', { time: until })]
          .filter((text) => text !== undefined && text !== '')
          .join(' · ')}{' '}
        {session !== '' && <a href={hrefOf('talk', session)}>{t('toConversation')}</a>}
      </p>
      <div class="row">
        <button type="button" class="primary" disabled={isBusy.value} onClick={() => answer('approve')}>
          {t('approve')}
        </button>
        <input
          class="reason"
          aria-label={t('reason')}
          placeholder={t('reason')}
          value={reason.value}
          onInput={({ currentTarget }) => (reason.value = currentTarget.value)}
        />
        <button type="button" class="danger" disabled={isBusy.value} onClick={() => answer('reject')}>
          {t('reject')}
        </button>
      </div>
      {fault.value !== '' && (
        <p class="fault small" role="alert">
          {fault.value}
        </p>
      )}
    </section>
  );
}
