import type { Model } from './model.ts';
import type { Strategy } from './session-config.ts';
import type { Toolbox } from './toolbox.ts';
import type { Framing } from './transcript.ts';

/** What a session works with, opened from its configuration. `close` gives its documents back. */
export interface Equipment {
  model: Model;
  toolbox: Toolbox;
  /** Opens the one for what was said through a message of its own, where that is another. */
  messageToolbox?: () => Toolbox;
  /** How the conversation is shown to the model, and how its calls share time, where a stored agent says so. */
  framing?: Framing;
  toolStrategy?: Strategy;
  close(): void;
}

/** Closes what was opened, or is being opened; what could not be opened holds nothing. */
export function giveBack(held: Promise<Equipment> | undefined): void {
  held?.then((equipment) => equipment.close()).catch(() => undefined);
}
