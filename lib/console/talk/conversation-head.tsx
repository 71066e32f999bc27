import { useSignal } from '@preact/signals';
import type { Ref } from 'preact';
import { Dialog } from '../dialog.tsx';
import { focusAtOnce, useOpener } from '../focus.ts';
import { Icon } from '../icon.tsx';
import { Lamp } from '../lamp.tsx';
import { t } from '../language.ts';
import { go, hrefOf } from '../route.ts';
import type { ConnectionState } from './session-socket.ts';
import { nameSession, removeSession, sessions, titleOf } from './sessions.ts';

const lamps = { live: 'green', connecting: 'amber', offline: 'red', gone: 'red' } as const;

/** The name of a conversation, its tokens, the state of its connection, and how to rename or delete it. */
export function ConversationHead({
  id,
  state,
  tokens,
}: {
  id: string;
  state: ConnectionState;
  tokens: number;
}) {
  const entry = sessions.value?.find((one) => one.id === id);
  const asks = useSignal<'nothing' | 'name' | 'removal'>('nothing');
  const title = entry ? titleOf(entry) : '';
  const done = (): void => void (asks.value = 'nothing');
  const renaming = useOpener(asks.value === 'name');
  return (
    <header class="head">
      <a class="back quiet" href={hrefOf('talk')} aria-label={t('back')}>
        <Icon name="back" />
      </a>
      {asks.value === 'name' ? (
        <NameForm id={id} title={title} done={done} />
      ) : (
        <h1 class="head-title">{title}</h1>
      )}
      {tokens > 0 && <span class="soft small">{t('tokens', { n: tokens })}</span>}
      <span class="head-state" role="status">
        <Lamp color={lamps[state]} />
        {t(state === 'gone' ? 'sessionGone' : state)}
      </span>
      {asks.value !== 'name' && (
        <>
          <IconButton
            icon="edit"
            label={t('rename')}
            button={renaming}
            onClick={() => (asks.value = 'name')}
          />
          <IconButton icon="bin" label={t('remove')} onClick={() => (asks.value = 'removal')} />
        </>
      )}
      {asks.value === 'removal' && <RemovalQuestion id={id} done={done} />}
    </header>
  );
}

function IconButton({
  icon,
  label,
  button = null,
  onClick,
}: {
  icon: string;
  label: string;
  button?: Ref<HTMLButtonElement>;
  onClick(): void;
}) {
  return (
    <button type="button" class="quiet" aria-label={label} title={label} ref={button} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

/** Asks before a conversation is removed. A removal that fails leaves it open. */
function RemovalQuestion({ id, done }: { id: string; done(): void }) {
  return (
    <Dialog label={t('removeAsk')} onClose={done}>
      <p>{t('removeAsk')}</p>
      <div class="row">
        <button
          type="button"
          class="danger"
          onClick={() => void removeSession(id).then(() => go('talk'), done)}
        >
          {t('remove')}
        </button>
        <button type="button" autofocus onClick={done}>
          {t('cancel')}
        </button>
      </div>
    </Dialog>
  );
}

function NameForm({ id, title, done }: { id: string; title: string; done(): void }) {
  const name = useSignal(title);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (name.value.trim() === '') return;
    // A name that the server refuses leaves the old one.
    nameSession(id, name.value.trim()).then(done, done);
  };
  return (
    <form class="head-name" onSubmit={submit}>
      <input
        aria-label={t('renameAsk')}
        maxLength={60}
        value={name.value}
        ref={focusAtOnce}
        onInput={({ currentTarget }) => (name.value = currentTarget.value)}
        onKeyDown={({ key }) => key === 'Escape' && done()}
      />
      <button type="submit">{t('save')}</button>
    </form>
  );
}
