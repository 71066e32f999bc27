import { useSignal } from '@preact/signals';
import { callErrorOf, type CallError } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Faults } from '../faults.tsx';
import { focusAtOnce, useOpener } from '../focus.ts';
import { Icon } from '../icon.tsx';
import { useButtonWork } from '../button-work.ts';
import { t } from '../language.ts';
import { status } from '../status/server-status.ts';
import { place } from '../route.ts';
import { msOf } from '../ms-of.ts';
import { timeText } from '../time.ts';
import {
  engagedStops,
  engageStop,
  releaseStop,
  scopeText,
  type EngagedStop,
  type StopScope,
} from './command-room.ts';

/** The red button of every page. It asks once, and says what it stops. A stop that failed asks again, also after its question was closed. */
export function StopButton() {
  const isAsking = useSignal(false);
  const failure = useSignal<CallError | undefined>(undefined);
  if (engagedStops.value === undefined) return null;
  const ask = (refusal?: CallError): void => {
    failure.value = refusal;
    isAsking.value = true;
  };
  return (
    <>
      <button type="button" class="estop-button" aria-haspopup="dialog" onClick={() => ask()}>
        <Icon name="stop" />
        {t('estop')}
      </button>
      {isAsking.value && (
        <StopQuestion failure={failure.value} done={() => (isAsking.value = false)} failed={ask} />
      )}
    </>
  );
}

interface StopOutcome {
  done(): void;
  /** Asks again, with the refusal. */
  failed(refusal: CallError): void;
}

function StopQuestion({ failure, ...outcome }: StopOutcome & { failure: CallError | undefined }) {
  const { page, item } = place.value;
  // The page that is open decides which narrower stops are offered.
  const session = page === 'talk' && item !== '' && item !== 'new' ? item : undefined;
  const device = page === 'devices' && item !== '' ? item : undefined;
  return (
    <Dialog label={t('estopAsk')} onClose={outcome.done}>
      <h2>{t('estopAsk')}</h2>
      <p class="small soft">{t('estopLead')}</p>
      <StopChoice label={t('estopAll')} scope="all" {...outcome} />
      {device !== undefined && (
        <StopChoice label={t('estopDevice', { name: device })} scope={{ device }} {...outcome} />
      )}
      {session !== undefined && <StopChoice label={t('estopSession')} scope={{ session }} {...outcome} />}
      <button type="button" onClick={outcome.done}>
        {t('cancel')}
      </button>
      {failure && <Faults error={failure} />}
    </Dialog>
  );
}

/** A button of its own work: a stop that waits for its answer keeps nobody from another one. */
function StopChoice({ label, scope, done, failed }: StopOutcome & { label: string; scope: StopScope }) {
  const { isBusy, begin } = useButtonWork();
  const stop = (): Promise<void> =>
    engageStop(scope).then(done, (error: unknown) => failed(callErrorOf(error)));
  return (
    <button type="button" class="danger" aria-disabled={isBusy.value} onClick={() => begin(stop)}>
      {label}
    </button>
  );
}

/** The stops that are engaged, on every page. */
export function StopBanner() {
  const stops = engagedStops.value ?? [];
  if (stops.length === 0) return null;
  return (
    <section class="estop-banner" aria-label={t('estopEngaged')}>
      {stops.map((stop) => (
        <StopLine key={JSON.stringify(stop.scope)} stop={stop} />
      ))}
    </section>
  );
}

function StopLine({ stop: { scope, by, at, reason } }: { stop: EngagedStop }) {
  const isAsking = useSignal(false);
  const why = useSignal('');
  const { failure, begin } = useButtonWork();
  const opener = useOpener(isAsking.value);
  const release = (event: Event): void => {
    event.preventDefault();
    begin(() => releaseStop(scope, why.value.trim()));
  };
  const facts = [by, timeText(msOf(at)), ...(reason === null ? [] : [reason])];
  return (
    <div class="estop-line">
      <span>
        <strong>{scopeText(scope)}</strong> {facts.join(' · ')}
      </span>
      {isAsking.value ? (
        <form class="row" onSubmit={release}>
          <input
            required
            ref={focusAtOnce}
            aria-label={t('estopReason')}
            placeholder={t('estopReason')}
            value={why.value}
            onInput={({ currentTarget }) => (why.value = currentTarget.value)}
            onKeyDown={({ key }) => key === 'Escape' && (isAsking.value = false)}
          />
          <button type="submit">{t('estopRelease')}</button>
        </form>
      ) : status.value?.may.commandDevices === false ? null : (
        <button type="button" ref={opener} onClick={() => (isAsking.value = true)}>
          {t('estopRelease')}
        </button>
      )}
      {failure.value && <Faults error={failure.value} />}
    </div>
  );
}
