import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { Icon } from '../icon.tsx';
import { t } from '../language.ts';
import type { Piece } from './envelope.ts';
import { readPicture } from './picture.ts';

/** The field to say something, with pictures; and the button that stops. */
export function Composer({
  isWorking,
  say,
  stop,
}: {
  isWorking: boolean;
  say(pieces: readonly Piece[]): void;
  stop(): void;
}) {
  const text = useSignal('');
  const pictures = useSignal<readonly string[]>([]);
  const fault = useSignal('');
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    const message = text.value.trim();
    if (message === '' && pictures.value.length === 0) return;
    say([
      ...(message === '' ? [] : [{ type: 'text', message } as const]),
      ...pictures.value.map((url) => ({ type: 'imageUrl', message: url }) as const),
    ]);
    text.value = '';
    pictures.value = [];
    field.current?.focus();
  };
  const attach = async (files: readonly File[]): Promise<void> => {
    fault.value = '';
    for (const file of files)
      await readPicture(file).then(
        (url) => (pictures.value = [...pictures.value, url]),
        () => (fault.value = t('pictureFailed')),
      );
  };
  const sendOnEnter = (event: KeyboardEvent): void => {
    // Enter also ends the choice of a Chinese character, and must not send then.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  };
  return (
    <form class="composer" onSubmit={submit}>
      <Attached
        pictures={pictures.value}
        remove={(at) => (pictures.value = pictures.value.filter((_, index) => index !== at))}
      />
      {fault.value !== '' && (
        <p class="fault small" role="alert">
          {fault.value}
        </p>
      )}
      <div class="composer-row">
        <label class="quiet file" title={t('attach')}>
          <Icon name="picture" />
          <input
            type="file"
            accept="image/*"
            multiple
            aria-label={t('attach')}
            onChange={({ currentTarget }) => {
              void attach([...(currentTarget.files ?? [])]);
              // Else the same file could not be chosen again.
              currentTarget.value = '';
            }}
          />
        </label>
        <textarea
          ref={field}
          data-start
          rows={1}
          aria-label={t('message')}
          placeholder={t('messageHint')}
          value={text.value}
          onInput={({ currentTarget }) => (text.value = currentTarget.value)}
          onKeyDown={sendOnEnter}
          onPaste={({ clipboardData }) => void attach([...(clipboardData?.files ?? [])])}
        />
        {isWorking && (
          <button type="button" class="stop" title={t('stopHint')} onClick={stop}>
            <Icon name="stop" />
            {t('stop')}
          </button>
        )}
        <button type="submit" class="primary" aria-label={t('send')} title={t('send')}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}

function Attached({ pictures, remove }: { pictures: readonly string[]; remove(at: number): void }) {
  if (pictures.length === 0) return null;
  return (
    <ul class="attached">
      {pictures.map((url, at) => (
        <li key={url.slice(-80)}>
          <img src={url} alt={t('picture')} />
          <button type="button" aria-label={t('detach')} onClick={() => remove(at)}>
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
