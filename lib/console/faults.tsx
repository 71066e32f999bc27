import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { CallError } from './api.ts';
import { counted, t } from './language.ts';
import { faultText, sentenceText } from './server-words.ts';
import { placeInText, placeInYaml, type TextPlace } from './text-place.ts';

type Texts = Readonly<Record<string, string>>;
interface FaultsProps {
  error: CallError;
  /** The texts of the form by the JSON pointer of their fields: a fault in one of them has its line there. */
  texts?: Texts;
}

/** So long somebody has to rest before the line of a fault is looked up in a changed YAML text. */
const PAUSE_MS = 300;

/** A refusal, with every fault and its place. */
export function Faults({ error, texts = {} }: FaultsProps) {
  const { status, message, faults } = error;
  return (
    <div class="fault" role="alert">
      {/* The message repeats the first faults. */}
      <p>
        {status === 0
          ? t('unreachable')
          : faults.length > 0
            ? counted(faults.length, 'faultOne', 'faultsCount')
            : sentenceText(message)}
      </p>
      {faults.length > 0 && (
        <ul tabIndex={0} aria-label={counted(faults.length, 'faultOne', 'faultsCount')}>
          {faults.map((fault) => (
            <li key={fault.pointer + fault.detail}>
              <FaultLine error={error} pointer={fault.pointer} texts={texts} />
              {fault.pointer !== '' && <code>{fault.pointer}</code>} {faultText(fault)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** A button that shows the line of a fault in its field. */
function FaultLine({ error, pointer, texts }: { error: CallError; pointer: string; texts: Texts }) {
  // A fault may be in the field itself, or anywhere in the text that the field has.
  const field = Object.keys(texts).find((known) => pointer === known || pointer.startsWith(`${known}/`));
  const text = field === undefined ? '' : texts[field]!;
  const inner = pointer.slice(field?.length ?? 0);
  const inYaml = useSignal<TextPlace | undefined>(undefined);
  // JSON is quick, and is looked up with each change. YAML takes longer, and its place comes later.
  const inJson = placeInText(text, inner);
  useEffect(() => {
    if (text === '' || inJson) return void (inYaml.value = undefined);
    const look = (): void =>
      void placeInYaml(text, inner).then(
        (place) => (inYaml.value = place),
        () => (inYaml.value = undefined), // without its line the fault still says its place
      );
    // The text changes while somebody types.
    const timer = setTimeout(look, inYaml.value ? PAUSE_MS : 0);
    return () => clearTimeout(timer);
  }, [error, text]);
  const place = inJson ?? inYaml.value;
  if (!place) return null;
  const show = ({ currentTarget }: { currentTarget: HTMLElement }): void => {
    const selector = `textarea[data-pointer="${field}"]`;
    const area = currentTarget.closest('form')?.querySelector<HTMLTextAreaElement>(selector);
    if (!area) return;
    area.focus();
    area.setSelectionRange(place.from, place.to);
    area.scrollTop = (place.line - 2) * Number.parseFloat(getComputedStyle(area).lineHeight);
  };
  return (
    <>
      <button type="button" class="place" onClick={show}>
        {t('faultLine', { n: place.line })}
      </button>{' '}
    </>
  );
}
