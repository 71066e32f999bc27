import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface DialogProps {
  label: string;
  /** Called when somebody leaves it: by Escape, or by a click beside it. */
  onClose(): void;
  children: ComponentChildren;
}

/** A question that is answered before anything else. The browser keeps the focus in it, and gives it back. */
export function Dialog({ label, onClose, children }: DialogProps) {
  const frame = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = frame.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  /** At once: the browser says `close` later than it gives the focus back, and a key in between would be lost. */
  const leave = (event: Event): void => {
    event.preventDefault();
    onClose();
  };
  return (
    <dialog
      ref={frame}
      role="alertdialog"
      aria-label={label}
      onCancel={leave}
      onClose={onClose}
      onClick={({ target }) => target === frame.current && onClose()}
    >
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}
