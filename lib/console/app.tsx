import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { enter, entrance, isInside, signOut, userName } from './access.ts';
import { Announcer } from './announcer.tsx';
import { ApprovalsPage } from './command/approvals-page.tsx';
import { followCommands, waitingCalls } from './command/command-room.ts';
import { StopBanner, StopButton } from './command/stop-button.tsx';
import { DevicesPage } from './devices/devices-page.tsx';
import { focusStart } from './focus.ts';
import { Icon } from './icon.tsx';
import { language, t } from './language.ts';
import { LanguageSwitch } from './language-switch.tsx';
import { hrefOf, place, type Page } from './route.ts';
import { SignInPage } from './sign-in.tsx';
import { readStatus } from './status/server-status.ts';
import { StatusPage } from './status/status-page.tsx';
import { TalkPage } from './talk/talk-page.tsx';

/** The whole page: the sign-in, or the bar with the pages below. */
export function ConsolePage() {
  const failure = useSignal('');
  const begin = (): void => {
    failure.value = '';
    enter().catch((error: unknown) => (failure.value = String(error)));
  };
  useEffect(begin, []);
  useSignalEffect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
  });
  useSignalEffect(() => {
    const waiting = waitingCalls.value?.length ?? 0;
    const name = isInside.value ? `${t(place.value.page)} · LiteAgent` : 'LiteAgent';
    document.title = waiting > 0 ? `(${waiting}) ${name}` : name;
  });
  // The returned function ends the reading when somebody signs out.
  useSignalEffect(() => (isInside.value ? followCommands() : undefined));
  if (failure.value !== '')
    return (
      <main class="gate">
        <div class="card gate-card">
          <Icon name="mark" />
          <p role="alert">{t('unreachable')}</p>
          <button type="button" class="primary" onClick={begin}>
            {t('again')}
          </button>
        </div>
      </main>
    );
  if (!entrance.value) return <main class="gate" aria-busy="true" />;
  if (!isInside.value) return <SignInPage entrance={entrance.value} />;
  return <Frame />;
}

/** The page for somebody who is inside. */
function Frame() {
  useStartFocus();
  useEffect(() => {
    readStatus().catch(() => undefined); // the page Status says why
  }, []);
  return (
    <div class="frame">
      <Bar />
      <StopBanner />
      <main id="content" class="content" tabIndex={-1}>
        <PageOf page={place.value.page} />
      </main>
      <Announcer />
    </div>
  );
}

/** Gives the start of a page the focus when it comes in the place of another one, so that a screen reader reads it. */
function useStartFocus(): void {
  const { page, item } = place.value;
  const isFirst = useRef(true);
  useEffect(() => {
    // The browser has put the focus at the start of a page that was just loaded.
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    focusStart();
  }, [page, item]);
}

function PageOf({ page }: { page: Page }) {
  if (page === 'status') return <StatusPage />;
  if (page === 'devices') return <DevicesPage item={place.value.item} />;
  return page === 'approvals' ? <ApprovalsPage /> : <TalkPage item={place.value.item} />;
}

/** The bar: the pages, the language, the user. */
function Bar() {
  const skip = (event: Event): void => {
    event.preventDefault();
    document.getElementById('content')?.focus();
  };
  return (
    <header class="bar">
      <a class="skip" href="#content" onClick={skip}>
        {t('skip')}
      </a>
      <a class="brand" href={hrefOf('talk')}>
        <Icon name="mark" />
        <span>LiteAgent</span>
      </a>
      <nav class="tabs" aria-label={t('pages')}>
        <Tab page="talk" />
        {waitingCalls.value && <Tab page="devices" />}
        {waitingCalls.value && <Tab page="approvals" count={waitingCalls.value.length} />}
        <Tab page="status" />
      </nav>
      <div class="bar-end">
        <StopButton />
        <LanguageSwitch />
        {entrance.value?.auth === 'required' && (
          <button
            type="button"
            class="quiet"
            title={userName.value === undefined ? undefined : t('signedInAs', { name: userName.value })}
            onClick={() => void signOut()}
          >
            {t('signOut')}
          </button>
        )}
      </div>
    </header>
  );
}

/** A link to a page, with the number of things that wait there. */
function Tab({ page, count = 0 }: { page: Page; count?: number }) {
  const isHere = place.value.page === page;
  return (
    <a href={hrefOf(page)} aria-current={isHere ? 'page' : undefined}>
      {t(page)}
      {count > 0 && (
        <>
          <span class="badge" aria-hidden="true">
            {count}
          </span>
          <span class="unseen">{t('waitingCount', { n: count })}</span>
        </>
      )}
    </a>
  );
}
