import { Component } from 'preact';
import { t } from '../language.ts';
import { saidFailure } from '../server-words.ts';
import { timeText } from '../time.ts';
import type { Piece, ShownTurn } from './envelope.ts';
import { Steps } from './steps.tsx';

interface RowProps {
  turn: ShownTurn;
  isLast: boolean;
}

/** One turn: the sentence, the answer, and the steps beside it. */
export class TurnRow extends Component<RowProps> {
  /** A turn that changes is a new object, so that all others are passed over. */
  override shouldComponentUpdate({ turn, isLast }: RowProps): boolean {
    return turn !== this.props.turn || isLast !== this.props.isLast;
  }

  override render({ turn, isLast }: RowProps) {
    const isWaiting = waitsForDecision(turn);
    return (
      <article class="turn" aria-busy={turn.state === 'running'} data-waits={isWaiting || undefined}>
        <div class="turn-talk">
          {turn.said.length > 0 && (
            <div class="said">
              {turn.said.map((piece, at) => (
                <SaidPiece key={at} piece={piece} />
              ))}
              <time class="small soft">{timeText(turn.startedAt)}</time>
            </div>
          )}
          {turn.thinking !== '' && (
            <details class="thinking">
              <summary>{t('thinking')}</summary>
              <p>{turn.thinking}</p>
            </details>
          )}
          {turn.answer !== '' && (
            <div class="answer">
              {turn.answer}
              {turn.state === 'running' && <span class="caret" aria-hidden="true" />}
            </div>
          )}
          <TurnState turn={turn} isWaiting={isWaiting} />
        </div>
        {turn.steps.length > 0 && <Steps turn={turn} isLast={isLast} />}
      </article>
    );
  }
}

/** Whether a call of a turn waits for a person. */
function waitsForDecision({ state, steps }: ShownTurn): boolean {
  return state === 'running' && steps.some((step) => step.kind === 'approval' && step.decision === undefined);
}

/** The state of a turn in words; nothing for a turn that is done, and for one whose answer is coming. */
function TurnState({ turn: { state, error, answer }, isWaiting }: { turn: ShownTurn; isWaiting: boolean }) {
  if (state === 'done') return null;
  if (state === 'sending') return <p class="turn-state soft">{t('sending')}</p>;
  if (state === 'running')
    return answer === '' ? (
      <p class="turn-state soft">
        <span class="pulse" aria-hidden="true" />
        {t(isWaiting ? 'approvalAsked' : 'working')}
      </p>
    ) : null;
  return (
    <p class={`turn-state ${state === 'stopped' ? 'soft' : 'fault'}`}>
      {t(state)}
      {error && `: ${saidFailure(error)}`}
    </p>
  );
}

/** A piece of a message: its text, a picture, or a link to a picture elsewhere. */
function SaidPiece({ piece: { type, message } }: { piece: Piece }) {
  if (type === 'text') return <p>{message}</p>;
  // A picture elsewhere is not loaded: its host would learn who reads.
  if (/^(data:image\/|\/)/.test(message)) return <img src={message} alt={t('picture')} loading="lazy" />;
  const host = URL.canParse(message) ? new URL(message).host : message;
  return (
    <p>
      <a href={message} target="_blank" rel="noreferrer">
        {t('pictureLink', { host })}
      </a>
    </p>
  );
}
