import { useSignal } from '@preact/signals';
import { focusAtOnce } from '../focus.ts';
import { t } from '../language.ts';
import type { RuleEntry, RuleList } from './rules-text.ts';

/** The kinds of a rule: the four decisions, and the two limits that people set most. */
const kinds = {
  ask: 'ruleAsk',
  deny: 'ruleDeny',
  dry_run: 'ruleDryRun',
  allow: 'ruleAllow',
  range: 'ruleKindRange',
  count: 'ruleKindCount',
} as const;
type RuleKind = keyof typeof kinds;

/** The fields as they are written. An empty text is a field that the rule does not have. */
interface RuleDraft {
  kind: RuleKind;
  /** Names with commas between them; empty: all tools. */
  tools: string;
  effect: '' | 'read' | 'write';
  approvers: '' | 'owner' | 'other' | 'admin';
  argument: string;
  min: string;
  max: string;
  maxCalls: string;
  perSeconds: string;
}

const emptyRule: RuleDraft = {
  kind: 'ask',
  tools: '',
  effect: 'write',
  approvers: '',
  argument: '',
  min: '',
  max: '',
  maxCalls: '10',
  perSeconds: '60',
};

/** Fields for one more rule. It is no form of its own: it stands in that of its device. */
export function NewRule({
  onAdd,
  onCancel,
}: {
  onAdd(list: RuleList, entry: RuleEntry): void;
  onCancel(): void;
}) {
  const draft = useSignal(emptyRule);
  const set = (changes: Partial<RuleDraft>): void => void (draft.value = { ...draft.value, ...changes });
  const { kind, tools, argument } = draft.value;
  return (
    <div class="fields" role="group" aria-label={t('ruleAdd')}>
      <Choice
        isFirst
        label={t('ruleKind')}
        value={kind}
        options={Object.entries(kinds).map(([value, key]) => [value, t(key)])}
        onChange={(value) => set({ kind: value as RuleKind })}
      />
      <Field label={t('ruleTools')} value={tools} onChange={(value) => set({ tools: value })} />
      {kind === 'range' || kind === 'count' ? (
        <LimitFields draft={draft.value} set={set} />
      ) : (
        <DecisionFields draft={draft.value} set={set} />
      )}
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={kind === 'range' && argument.trim() === ''}
          onClick={() => onAdd(...ruleOf(draft.value))}
        >
          {t('ruleTake')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </div>
  );
}

interface PartProps {
  draft: RuleDraft;
  set(changes: Partial<RuleDraft>): void;
}

function DecisionFields({ draft: { kind, effect, approvers }, set }: PartProps) {
  return (
    <>
      <Choice
        label={t('ruleEffect')}
        value={effect}
        options={[
          ['write', t('ruleWrites')],
          ['read', t('ruleReads')],
          ['', t('ruleBoth')],
        ]}
        onChange={(value) => set({ effect: value as RuleDraft['effect'] })}
      />
      {kind === 'ask' && (
        <Choice
          label={t('ruleApprovers')}
          value={approvers}
          options={[
            ['', t('approverUsual')],
            ['owner', t('approverOwner')],
            ['other', t('approverOther')],
            ['admin', t('approverAdmin')],
          ]}
          onChange={(value) => set({ approvers: value as RuleDraft['approvers'] })}
        />
      )}
    </>
  );
}

function LimitFields({ draft: { kind, argument, min, max, maxCalls, perSeconds }, set }: PartProps) {
  const number = (label: string, value: string, name: 'min' | 'max' | 'maxCalls' | 'perSeconds') => (
    <Field label={label} value={value} type="number" onChange={(given) => set({ [name]: given })} />
  );
  if (kind === 'count')
    return (
      <>
        {number(t('ruleMaxCalls'), maxCalls, 'maxCalls')}
        {number(t('rulePerSeconds'), perSeconds, 'perSeconds')}
      </>
    );
  return (
    <>
      <Field label={t('ruleArgument')} value={argument} onChange={(given) => set({ argument: given })} />
      {number(t('ruleMin'), min, 'min')}
      {number(t('ruleMax'), max, 'max')}
    </>
  );
}

function Choice({
  label,
  value,
  options,
  isFirst = false,
  onChange,
}: {
  label: string;
  value: string;
  /** Whether it gets the focus when it comes. */
  isFirst?: boolean;
  options: readonly (readonly [string, string])[];
  onChange(value: string): void;
}) {
  return (
    <label>
      {label}
      <select
        value={value}
        ref={isFirst ? focusAtOnce : null}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Field({
  label,
  value,
  type = 'text',
  onChange,
}: {
  label: string;
  value: string;
  type?: 'text' | 'number';
  onChange(value: string): void;
}) {
  return (
    <label>
      {label}
      <input
        {...(type === 'number' && { type, step: 'any' })}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </label>
  );
}

/** The entry of a draft, and its list. An empty field is no field of the entry. */
function ruleOf(draft: RuleDraft): [RuleList, RuleEntry] {
  const { kind, effect, approvers, argument, min, max, maxCalls, perSeconds } = draft;
  const names = draft.tools
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const tools = names.length === 0 ? {} : { tools: names };
  const number = (name: string, text: string) => (text === '' ? {} : { [name]: Number(text) });
  if (kind === 'range')
    return ['limits', { ...tools, argument: argument.trim(), ...number('min', min), ...number('max', max) }];
  if (kind === 'count')
    return ['limits', { ...tools, ...number('maxCalls', maxCalls), ...number('perSeconds', perSeconds) }];
  return [
    'calls',
    {
      ...tools,
      ...(effect !== '' && { effect }),
      decision: kind,
      ...(kind === 'ask' && approvers !== '' && { approvers }),
    },
  ];
}
