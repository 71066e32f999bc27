import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { enter, entrance, isInside, signOut, userName } from './access.ts';
import { Icon } from './icon.tsx';
import { language, t } from './language.ts';
import { LanguageSwitch } from './language-switch.tsx';
import { hrefOf, place, type Page } from './route.ts';
import { SignInPage } from './sign-in.tsx';
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
  return (
    <div class="frame">
      <Bar />
      <main id="content" class="content" tabIndex={-1}>
        <PageOf page={place.value.page} />
      </main>
    </div>
  );
}

function PageOf({ page }: { page: Page }) {
  return page === 'status' ? <StatusPage /> : <TalkPage item={place.value.item} />;
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
        <Tab page="status" />
      </nav>
      <div class="bar-end">
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

function Tab({ page }: { page: Page }) {
  const isHere = place.value.page === page;
  return (
    <a href={hrefOf(page)} aria-current={isHere ? 'page' : undefined}>
      {t(page)}
    </a>
  );
}
