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
  return (
    <dialog
      ref={frame}
      role="alertdialog"
      aria-label={label}
      onClose={onClose}
      onClick={({ target }) => target === frame.current && onClose()}
    >
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}
