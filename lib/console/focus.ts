import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** The parts of the page that may get the focus of a removed element. */
const PARTS = 'section, form, fieldset, li, dialog, [role=group], main';

/** A ref of an element that gets the focus when it comes. */
export function focusAtOnce(element: HTMLElement | null): void {
  element?.focus();
}

/** The ref of a button that opens something: it gets the focus back when that is closed. */
export function useOpener(isOpen: boolean): RefObject<HTMLButtonElement | null> {
  const opener = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(isOpen);
  useLayoutEffect(() => {
    if (wasOpen.current && !isOpen) opener.current?.focus();
    wasOpen.current = isOpen;
  }, [isOpen]);
  return opener;
}

/** Gives the start of the page the focus: the field to say something, where there are keys to write with, or the heading. */
export function focusStart(): void {
  const content = document.getElementById('content');
  const field = matchMedia('(pointer: fine)').matches ? content?.querySelector('[data-start]') : undefined;
  const start = field ?? content?.querySelector('h1') ?? content;
  if (start) focusPart(start as HTMLElement);
}

/** Gives a part of the page the focus, also one that no Tab reaches. */
function focusPart(part: HTMLElement): void {
  if (part.tabIndex < 0) part.tabIndex = -1;
  part.focus({ preventScroll: true });
}

/**
 * Keeps the focus near the element that had it: when that element is removed, the part around it gets the focus. A browser would
 * begin at the top of the page again.
 */
export function keepFocus(root: HTMLElement): void {
  /** The element with the focus and all around it, the innermost first. */
  let places: HTMLElement[] = [];
  root.addEventListener('focusin', ({ target }) => (places = placesOf(target as HTMLElement)));
  root.addEventListener('focusout', ({ target }) =>
    queueMicrotask(() => {
      // A person who clicks beside everything has left the element.
      if (target === places[0] && places[0].isConnected && hasNoFocus()) places = [];
    }),
  );
  const watch = new MutationObserver(() => {
    if (places.length === 0 || places[0]!.isConnected || !hasNoFocus()) return;
    const part = places.find((place) => place.isConnected && place.matches(PARTS));
    if (part) focusPart(part);
    else focusStart(); // no part is around it, as around the line of a stop
  });
  watch.observe(root, { childList: true, subtree: true });
}

function placesOf(element: HTMLElement): HTMLElement[] {
  const places: HTMLElement[] = [];
  for (let place: HTMLElement | null = element; place; place = place.parentElement) places.push(place);
  return places;
}

function hasNoFocus(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}
