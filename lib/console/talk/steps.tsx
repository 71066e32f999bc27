import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { readCommands, waitingCalls } from '../command/command-room.ts';
import { WaitingCard } from '../command/waiting-card.tsx';
import { Icon } from '../icon.tsx';
import { Lamp } from '../lamp.tsx';
import { counted, t } from '../language.ts';
import { ParameterList } from '../parameter-list.tsx';
import { saidFailure, type ShownFailure } from '../server-words.ts';
import { durationText } from '../time.ts';
import {
  tokensOf,
  type ApprovalStep,
  type CallStep,
  type RoundStep,
  type Step,
  type ShownTurn,
} from './envelope.ts';

/** The steps of a turn, as they happen. They can be folded; those of the last turn are open. */
export function Steps({ turn, isLast }: { turn: ShownTurn; isLast: boolean }) {
  // Undefined until the reader has folded or opened them.
  const choice = useSignal<boolean | undefined>(undefined);
  const isOpen = choice.value ?? isLast;
  const { steps, startedAt, endedAt } = turn;
  const tokens = tokensOf(turn);
  return (
    <details
      class="steps"
      open={isOpen}
      onToggle={({ currentTarget }) => {
        // The event comes also when the page itself opens or folds them.
        if (currentTarget.open !== isOpen) choice.value = currentTarget.open;
      }}
    >
      <summary>
        <span>{counted(steps.length, 'stepOne', 'stepsCount')}</span>
        <span class="soft small">
          {endedAt !== undefined && durationText(endedAt - startedAt)}
          {tokens > 0 && ` · ${counted(tokens, 'tokenOne', 'tokens')}`}
        </span>
      </summary>
      {isOpen && (
        <ol>
          {steps.map((step, at) => (
            <li key={at}>
              <StepOf step={step} />
            </li>
          ))}
        </ol>
      )}
    </details>
  );
}

function StepOf({ step }: { step: Step }) {
  if (step.kind === 'round') return <Round {...step} />;
  return step.kind === 'call' ? <CallRow {...step} /> : <Approval {...step} />;
}

function Round({ model, ms, text }: RoundStep) {
  return (
    <div class="step">
      <Icon name="model" />
      <div class="step-body">
        <div class="step-head">
          <span>{model === '' ? t('modelStep') : `${t('modelStep')} · ${model}`}</span>
          <span class="soft small">{durationText(ms)}</span>
        </div>
        {text !== '' && <p class="small">{text}</p>}
      </div>
    </div>
  );
}

const stateNames = {
  running: 'callRunning',
  done: 'callDone',
  failed: 'callFailed',
  unknown: 'callUnknown',
} as const;
const lamps = { running: 'amber pulse', done: 'green', failed: 'red', unknown: 'amber' } as const;

function CallRow({ name, parameters, state, result, ms }: CallStep) {
  return (
    <div class="step">
      <Icon name={state === 'unknown' ? 'hand' : 'device'} />
      <div class="step-body">
        <div class="step-head">
          <code class="step-name">{name}</code>
          <span class="small step-state">
            <Lamp color={lamps[state]} />
            {t(stateNames[state])}
            {ms !== undefined && ` · ${durationText(ms)}`}
          </span>
        </div>
        <ParameterList parameters={parameters} />
        {state === 'unknown' && <p class="warning small">{t('unknownHint')}</p>}
        {state === 'failed' && <Failure result={result} />}
        {result !== undefined && (
          <details class="raw">
            <summary>{t('result')}</summary>
            <pre>{plainJson(result)}</pre>
          </details>
        )}
      </div>
    </div>
  );
}

/** The words of a failed call, and whether something may have happened. */
function Failure({ result }: { result: unknown }) {
  const { error } = (result ?? {}) as { error?: ShownFailure & { effect?: string } };
  return (
    <div class="fault small">
      {error !== undefined && <p>{saidFailure(error)}</p>}
      {error?.effect === 'none' && <p>{t('noneHint')}</p>}
    </div>
  );
}

/** A value as indented JSON. A body that is JSON text is shown as JSON, too. */
function plainJson(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => (key === 'body' ? parsed(inner) : inner), 2);
}

/** A number of so many digits may be rounded when it is read. */
const LONG_NUMBER = /\d{16}/;

function parsed(body: unknown): unknown {
  if (typeof body !== 'string' || !/^\s*[{[]/.test(body) || LONG_NUMBER.test(body)) return body;
  try {
    return JSON.parse(body);
  } catch {
    return body; // it was cut, or is no JSON
  }
}

/** A decision of a person in words, with the reason. */
function decisionWords({ decision, by = '', reason }: NonNullable<ApprovalStep['decision']>): string {
  const isKnown = decision === 'approve' || decision === 'reject';
  const words = isKnown
    ? t(decision === 'approve' ? 'approvedBy' : 'rejectedBy', { name: by })
    : [decision, by].filter((text) => text !== '').join(' · ');
  return reason ? `${words} · ${reason}` : words;
}

function Approval({ id, decision }: ApprovalStep) {
  const waiting = waitingCalls.value?.find((call) => call.id === id);
  useEffect(() => {
    // The card of the call is there at once, and not with the next reading.
    if (decision === undefined) void readCommands();
  }, []);
  return (
    <div class="step">
      <Icon name="hand" />
      <div class="step-body">
        {decision === undefined ? t('approvalAsked') : decisionWords(decision)}
        {decision === undefined && waiting && <WaitingCard call={waiting} />}
      </div>
    </div>
  );
}
