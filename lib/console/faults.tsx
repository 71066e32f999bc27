import type { CallError } from './api.ts';
import { t } from './language.ts';

/** A refusal, with every fault and its place. */
export function Faults({ error: { status, message, faults } }: { error: CallError }) {
  return (
    <div class="fault" role="alert">
      <p>{status === 0 ? t('unreachable') : message}</p>
      {faults.length > 0 && (
        <ul>
          {faults.map(({ pointer, detail }) => (
            <li key={pointer + detail}>
              {pointer !== '' && <code>{pointer}</code>} {detail}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
