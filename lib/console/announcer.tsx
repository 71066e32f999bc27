import { signal } from '@preact/signals';

const said = signal('');
/** A space that nobody hears: a screen reader passes over a text that is the one before. */
const SILENT = '\u00A0';

/** Tells a screen reader what has happened, as soon as it is silent. */
export function announce(text: string): void {
  said.value = text === said.peek() ? text + SILENT : text;
}

/** The place of the announcements: it is on the page from the beginning, else a screen reader does not listen to it. */
export function Announcer() {
  return (
    <p class="unseen" role="status">
      {said.value}
    </p>
  );
}
