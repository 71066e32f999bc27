import type { CallError } from './api.ts';
import { counted, t } from './language.ts';
import { faultText } from './server-words.ts';
import { placeInText } from './text-place.ts';

interface FaultsProps {
  error: CallError;
  /** The texts of the form by the JSON pointer of their fields: a fault in one of them has its line there. */
  texts?: Readonly<Record<string, string>>;
}

/** A refusal, with every fault and its place. */
export function Faults({ error: { status, message, faults }, texts = {} }: FaultsProps) {
  return (
    <div class="fault" role="alert">
      {/* The message repeats the first faults. */}
      <p>
        {status === 0
          ? t('unreachable')
          : faults.length > 0
            ? counted(faults.length, 'faultOne', 'faultsCount')
            : message}
      </p>
      {faults.length > 0 && (
        <ul tabIndex={0} aria-label={counted(faults.length, 'faultOne', 'faultsCount')}>
          {faults.map((fault) => (
            <li key={fault.pointer + fault.detail}>
              <FaultLine pointer={fault.pointer} texts={texts} />
              {fault.pointer !== '' && <code>{fault.pointer}</code>} {faultText(fault)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** A button that shows the line of a fault in its field. */
function FaultLine({ pointer, texts }: { pointer: string; texts: Readonly<Record<string, string>> }) {
  const field = Object.keys(texts).find((known) => pointer === known || pointer.startsWith(`${known}/`));
  const place = field === undefined ? undefined : placeInText(texts[field]!, pointer.slice(field.length));
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
