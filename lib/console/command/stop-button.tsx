import { useSignal } from '@preact/signals';
import { Faults } from '../faults.tsx';
import { Icon } from '../icon.tsx';
import { useButtonWork } from '../button-work.ts';
import { t } from '../language.ts';
import { place } from '../route.ts';
import { msOf } from '../ms-of.ts';
import { timeText } from '../time.ts';
import { engagedStops, engageStop, releaseStop, type EngagedStop, type StopScope } from './command-room.ts';

/** The red button of every page. It asks once, and says what it stops. */
export function StopButton() {
  const isAsking = useSignal(false);
  const { failure, begin } = useButtonWork();
  if (engagedStops.value === undefined) return null;
  const { page, item } = place.value;
  const session = page === 'talk' && item !== '' && item !== 'new' ? item : undefined;
  const stop = (scope: StopScope): void =>
    begin(async () => {
      await engageStop(scope);
      isAsking.value = false;
    });
  return (
    <div class="estop">
      <button
        type="button"
        class="estop-button"
        aria-expanded={isAsking.value}
        onClick={() => (isAsking.value = !isAsking.value)}
      >
        <Icon name="stop" />
        {t('estop')}
      </button>
      {isAsking.value && (
        <div class="estop-ask" role="alertdialog" aria-label={t('estopAsk')}>
          <p>
            <strong>{t('estopAsk')}</strong>
          </p>
          <p class="small soft">{t('estopLead')}</p>
          <button type="button" class="danger" onClick={() => stop('all')}>
            {t('estopAll')}
          </button>
          {session !== undefined && (
            <button type="button" class="danger" onClick={() => stop({ session })}>
              {t('estopSession')}
            </button>
          )}
          <button type="button" onClick={() => (isAsking.value = false)}>
            {t('cancel')}
          </button>
          {failure.value && <Faults error={failure.value} />}
        </div>
      )}
    </div>
  );
}

/** The stops that are engaged, on every page. */
export function StopBanner() {
  const stops = engagedStops.value ?? [];
  if (stops.length === 0) return null;
  return (
    <div class="estop-banner" role="alert">
      {stops.map((stop) => (
        <StopLine key={JSON.stringify(stop.scope)} stop={stop} />
      ))}
    </div>
  );
}

/** The scope of a stop in words. */
function scopeText(scope: StopScope): string {
  if (scope === 'all') return t('estopScopeAll');
  return scope.device === undefined ? t('estopScopeSession') : t('estopScopeDevice', { name: scope.device });
}

function StopLine({ stop: { scope, by, at, reason } }: { stop: EngagedStop }) {
  const isAsking = useSignal(false);
  const why = useSignal('');
  const { failure, begin } = useButtonWork();
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
            aria-label={t('estopReason')}
            placeholder={t('estopReason')}
            value={why.value}
            onInput={({ currentTarget }) => (why.value = currentTarget.value)}
          />
          <button type="submit">{t('estopRelease')}</button>
        </form>
      ) : (
        <button type="button" onClick={() => (isAsking.value = true)}>
          {t('estopRelease')}
        </button>
      )}
      {failure.value && <Faults error={failure.value} />}
    </div>
  );
}
