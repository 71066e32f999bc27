/** The colours of a lamp, and one that blinks. */
export type LampColor = 'green' | 'amber' | 'red' | 'amber pulse';

/** A coloured dot beside a word that says the same. */
export function Lamp({ color }: { color: LampColor }) {
  return <span class={`lamp ${color}`} aria-hidden="true" />;
}
