import { useSignal } from '@preact/signals';
import { announce } from '../announcer.tsx';
import { useButtonWork } from '../button-work.ts';
import { Faults } from '../faults.tsx';
import { ruleSentences } from '../devices/rules-text.ts';
import { t } from '../language.ts';
import { ParameterList } from '../parameter-list.tsx';
import { hrefOf, place } from '../route.ts';
import { msOf } from '../ms-of.ts';
import { timeText } from '../time.ts';
import { decide, type WaitingCall } from './command-room.ts';
import { ShownRequest } from './shown-request.tsx';

/** A call that waits: its arguments, the request that would leave, the rule that asks, and the two decisions. */
export function WaitingCard({ call }: { call: WaitingCall }) {
  const { id, session, device, name, parameters, request, risk, rule, rules, askedByName, expiresAt } = call;
  const reason = useSignal('');
  const { isBusy, failure, begin } = useButtonWork();
  const answer = (decision: 'approve' | 'reject'): void =>
    begin(async () => {
      await decide(id, decision, reason.value);
      announce(t(decision === 'approve' ? 'callApproved' : 'callRejected', { name }));
    });
  // A call of high risk waits also where no rule says so.
  const why = rules === undefined && risk === 'high' ? [t('riskHighAsks')] : ruleSentences(rules, [rule]);
  const facts = [
    ...(askedByName === undefined ? [] : [t('askedBy', { name: askedByName })]),
    t('expires', { time: timeText(msOf(expiresAt)) }),
  ];
  const isElsewhere = session !== '' && place.value.item !== session;
  return (
    <section class="card waiting" aria-label={`${device} ${name}`}>
      <h2>
        {device} · <code>{name}</code>
      </h2>
      <ParameterList parameters={parameters} />
      {request && <ShownRequest request={request} />}
      <p class="small">{why.join(' ')}</p>
      <p class="soft small">
        {facts.join(' · ')} {isElsewhere && <a href={hrefOf('talk', session)}>{t('toConversation')}</a>}
      </p>
      <div class="row">
        <input
          class="reason"
          aria-label={t('reason')}
          placeholder={t('reason')}
          value={reason.value}
          onInput={({ currentTarget }) => (reason.value = currentTarget.value)}
        />
        <button type="button" class="primary" aria-disabled={isBusy.value} onClick={() => answer('approve')}>
          {t('approve')}
        </button>
        <button type="button" class="danger" aria-disabled={isBusy.value} onClick={() => answer('reject')}>
          {t('reject')}
        </button>
      </div>
      {failure.value && <Faults error={failure.value} />}
    </section>
  );
}
