import type { Model } from './model.ts';
import type { KeptConfig, SessionConfig, Strategy, TaskSettings } from './session-config.ts';
import type { Toolbox } from './toolbox.ts';
import type { Framing } from './transcript.ts';

/** A session's model and tools, opened from its configuration. */
export interface Equipment {
  model: Model;
  /** Opens the same model with other parameters, for one task. */
  modelWith(parameters: NonNullable<TaskSettings['model']>): Model;
  toolbox: Toolbox;
  /** The names of the registered devices among the tools; none when missing. */
  devices?: readonly string[];
  /** The title of the first document, where there is one. */
  title?: string | undefined;
  /** Opens the toolbox for tasks whose user message is a line of its own, where it is another one. */
  messageToolbox?: () => Toolbox;
  /** How the conversation is shown to the model, and how calls share time, where a stored agent decides that. */
  framing?: Framing;
  toolStrategy?: Strategy;
  /** Releases the documents. */
  close(): void;
}

/**
 * Whether each task opens equipment of its own: a stored agent, a device that the server knows, or a device that says its document
 * itself may have changed since the last task. A task may also have an agent of its own.
 */
export function equipsEachTask(
  { agent, devices = [], hasLiveDocuments }: KeptConfig,
  settings: TaskSettings = {},
): boolean {
  const used = settings.devices ?? devices;
  return (settings.agent ?? agent) !== undefined || used.length > 0 || hasLiveDocuments;
}

/** The configuration of a session, with the agent and the devices of a task in the place of its own. */
export function configOfTask(config: SessionConfig, { agent, devices }: TaskSettings = {}): SessionConfig {
  return { ...config, ...(agent && { agent }), ...(devices && { devices }) };
}

/** Thrown when the tools of a task are out of date: a device was changed while a call to it waited. The task opens them anew. */
export class EquipmentOutdated extends Error {}

/** The equipment of one session: opened for the first task that needs it, and shared by all tasks. */
export class SharedEquipment {
  readonly #open: () => Promise<Equipment>;
  #opened: Promise<Equipment> | undefined;

  /** `opened` is equipment that is open already. */
  constructor(open: () => Promise<Equipment>, opened?: Equipment) {
    this.#open = open;
    this.#opened = opened && Promise.resolve(opened);
  }

  /** The open equipment. Equipment that could not be opened is opened again for the next task. */
  get(): Promise<Equipment> {
    if (this.#opened) return this.#opened;
    const opening = this.#open();
    this.#opened = opening;
    opening.catch(() => {
      if (this.#opened === opening) this.#opened = undefined;
    });
    return opening;
  }

  /** Closes the equipment; it is opened again when a task needs it. */
  close(): void {
    closeEquipment(this.#opened);
    this.#opened = undefined;
  }
}

/** Closes equipment as soon as it is open. Equipment that could not be opened holds nothing. */
export function closeEquipment(equipment: Promise<Equipment> | undefined): void {
  equipment?.then(({ close }) => close()).catch(() => undefined);
}
