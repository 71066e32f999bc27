import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { announce } from '../announcer.tsx';
import { callErrorOf, type CallError } from '../api.ts';
import { Faults } from '../faults.tsx';
import { focusStart } from '../focus.ts';
import { Icon } from '../icon.tsx';
import { t } from '../language.ts';
import { hrefOf } from '../route.ts';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.ts';
import { ConversationHead } from './conversation-head.tsx';
import { tokensOf, type Piece, type ShownTurn } from './envelope.ts';
import { nameSession, opened, readSessions, sessions } from './sessions.ts';
import { TurnRow } from './turn-row.tsx';
import { VirtualRows } from './virtual-rows.tsx';
import { Warnings } from '../warnings.tsx';

/** A conversation: its turns, and the field to say something. */
export function ConversationPane({ id }: { id: string }) {
  const conversation = useMemo(() => new Conversation(id), [id]);
  const failure = useSignal<CallError | undefined>(undefined);
  useEffect(() => {
    conversation.open().catch((error: unknown) => (failure.value = callErrorOf(error)));
    return () => conversation.close();
  }, [conversation]);
  const tokens = useComputed(() => conversation.turns.value.reduce((sum, turn) => sum + tokensOf(turn), 0));
  const isWorking = useComputed(() => conversation.turns.value.some(isOpen));
  const say = (pieces: readonly Piece[]): void => {
    const isFirst = conversation.turns.value.length === 0;
    conversation.say(pieces);
    if (isFirst) void nameAfter(id, pieces);
  };
  useAnnouncedAnswers(conversation);
  if (conversation.state.value === 'gone') return <Gone />;
  return (
    <div class="conversation">
      <div>
        <ConversationHead id={id} state={conversation.state.value} tokens={tokens.value} />
        {failure.value && <Faults error={failure.value} />}
        {opened.value?.id === id && <Warnings warnings={opened.value.warnings} />}
      </div>
      {conversation.isRead.value && conversation.turns.value.length === 0 ? (
        <Suggestions id={id} say={say} />
      ) : (
        <VirtualRows
          rows={conversation.turns.value}
          label={t('talk')}
          render={(turn, isLast) => <TurnRow turn={turn} isLast={isLast} />}
        />
      )}
      <Composer
        isWorking={isWorking.value}
        say={say}
        stop={() => void conversation.stop().catch(() => undefined)}
      />
    </div>
  );
}

/** Whether a turn is still worked on. */
function isOpen({ state }: ShownTurn): boolean {
  return state === 'running' || state === 'sending';
}

/** A conversation without a name gets that of its first sentence. */
async function nameAfter(id: string, pieces: readonly Piece[]): Promise<void> {
  const text = pieces.find(({ type }) => type === 'text')?.message;
  const entry = sessions.value?.find((one) => one.id === id);
  if (text !== undefined && entry?.title === null) await nameSession(id, text).catch(() => undefined);
  await readSessions().catch(() => undefined);
}

function Gone() {
  return (
    <div class="page">
      <p role="alert">{t('sessionGone')}</p>
      <a class="button inline" href={hrefOf('talk', 'new')}>
        <Icon name="plus" />
        {t('newSession')}
      </a>
    </div>
  );
}

/** Tells a screen reader about each answer, once it is whole; those of the history it reads by itself. */
function useAnnouncedAnswers({ isRead, turns }: Conversation): void {
  const last = turns.value.at(-1);
  // The key of the last turn that was whole; empty where none was. Undefined until the history was read.
  const told = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (!isRead.value) return;
    const isWhole = last !== undefined && !isOpen(last);
    if (isWhole && told.current !== undefined && told.current !== last.key) announce(endText(last));
    told.current = isWhole ? last.key : (told.current ?? '');
  }, [isRead.value, last]);
}

/** The end of a turn in words; empty while it is worked on. */
function endText({ state, answer }: ShownTurn): string {
  if (state === 'running' || state === 'sending') return '';
  return state === 'done' ? t('answered', { text: answer }) : t(state);
}

const sentences = [
  ['exampleLights', 'exampleLightsSay'],
  ['exampleAir', 'exampleAirSay'],
  ['exampleRobot', 'exampleRobotSay'],
] as const;

function Suggestions({ id, say }: { id: string; say(pieces: readonly Piece[]): void }) {
  const title = sessions.value?.find((entry) => entry.id === id)?.title;
  // An example has its sentence; a conversation about all of them has every one.
  const fitting = sentences
    .filter(([name]) => title === t(name) || title === t('exampleAll'))
    .map(([, text]) => t(text));
  const shown = fitting.length > 0 ? fitting : [t('sayHello')];
  const begin = (text: string): void => {
    say([{ type: 'text', message: text }]);
    focusStart();
  };
  return (
    <div class="suggestions">
      <h2>{t('emptyTitle')}</h2>
      <p class="soft">{t('emptyLead')}</p>
      {shown.map((text) => (
        <button key={text} type="button" onClick={() => begin(text)}>
          {text}
        </button>
      ))}
    </div>
  );
}
