import { useComputed } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Icon } from '../icon.tsx';
import { t } from '../language.ts';
import { hrefOf } from '../route.ts';
import { DemoNotice } from '../status/demo-notice.tsx';
import { timeText } from '../time.ts';
import { ConversationPane } from './conversation-pane.tsx';
import { NewSession } from './new-session.tsx';
import { readSessions, sessions, titleOf } from './sessions.ts';

/** The list of conversations, and the one that is open. On a phone one of the two is shown. */
export function TalkPage({ item }: { item: string }) {
  useEffect(() => {
    readSessions().catch(() => undefined);
  }, []);
  const isEmpty = useComputed(() => sessions.value?.length === 0);
  // Where there is no conversation yet, the form for the first one is shown at once.
  const isNew = item === 'new' || (item === '' && isEmpty.value);
  return (
    <div class="talk" data-shows={item === '' && !isNew ? 'list' : 'pane'}>
      <aside class="side" aria-label={t('sessions')}>
        {item === '' && !isNew && <h1 class="unseen">{t('sessions')}</h1>}
        <a class="button new" href={hrefOf('talk', 'new')}>
          <Icon name="plus" />
          {t('newSession')}
        </a>
        <SessionList open={item} />
      </aside>
      <section class="pane">
        {isNew ? <NewSession /> : item === '' ? <NoneOpen /> : <ConversationPane key={item} id={item} />}
      </section>
    </div>
  );
}

function SessionList({ open }: { open: string }) {
  if (sessions.value === undefined) return <p class="soft small pad">{t('loading')}</p>;
  if (sessions.value.length === 0) return <p class="soft small pad">{t('noSessions')}</p>;
  return (
    <nav class="sessions">
      {sessions.value.map((entry) => (
        <a
          key={entry.id}
          href={hrefOf('talk', entry.id)}
          aria-current={entry.id === open ? 'true' : undefined}
        >
          <span class="session-title">{titleOf(entry)}</span>
          <time class="soft small" dateTime={entry.usedAt}>
            {timeText(Date.parse(entry.usedAt))}
          </time>
        </a>
      ))}
    </nav>
  );
}

function NoneOpen() {
  return (
    <div class="page">
      <DemoNotice />
      <p class="soft">{t('newLead')}</p>
      <a class="button primary inline" href={hrefOf('talk', 'new')}>
        {t('newSession')}
      </a>
    </div>
  );
}
