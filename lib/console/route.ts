import { signal } from '@preact/signals';

/** The pages, by their names in the address. */
export const pages = ['talk', 'devices', 'approvals', 'status'] as const;
/** The name of a page. */
export type Page = (typeof pages)[number];

/** The place in the console: a page, and the thing that it shows. */
export interface Place {
  page: Page;
  /** A session's id, or `new`; empty for the list. */
  item: string;
}

/** The place that the address names. */
export const place = signal<Place>(read());

function read(): Place {
  const [name = '', item = ''] = location.hash.replace(/^#\/?/, '').split('/');
  const page = pages.find((known) => known === name) ?? 'talk';
  return { page, item: decoded(item) };
}

/** A part of the address; one with a broken escape stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place, for a link. */
export function hrefOf(page: Page, item = ''): string {
  return `#/${page}${item === '' ? '' : `/${encodeURIComponent(item)}`}`;
}

/** Goes to a place. */
export function go(page: Page, item = ''): void {
  location.hash = hrefOf(page, item);
}

/** Follows the address. */
export function followAddress(): void {
  addEventListener('hashchange', () => (place.value = read()));
}
