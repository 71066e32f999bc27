import type { CallError } from './api.ts';
import { language, t } from './language.ts';
import { faultText, hasOwnWords } from './server-words.ts';

/** A refusal, with every fault and its place. */
export function Faults({ error: { status, message, faults } }: { error: CallError }) {
  // The message repeats the first faults, in English.
  const isSaid = faults.length > 0 && faults.every(hasOwnWords);
  return (
    <div class="fault" role="alert">
      <p>
        {status === 0
          ? t('unreachable')
          : isSaid && language.value !== 'en'
            ? t('faultsCount', { n: faults.length })
            : message}
      </p>
      {faults.length > 0 && (
        <ul>
          {faults.map((fault) => (
            <li key={fault.pointer + fault.detail}>
              {fault.pointer !== '' && <code>{fault.pointer}</code>} {faultText(fault)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
