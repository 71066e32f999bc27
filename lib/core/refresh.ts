import type { Control, Store, StoredTask } from './store.ts';

/** What a loop does with what other nodes have written. */
export interface RefreshActions {
  take(task: StoredTask): void;
  follow(control: Control): Promise<void>;
  /** Nothing is looked at any more. */
  over(): boolean;
}

/**
 * A function that looks for tasks and controls that other nodes have written to a session. One look at a time, so that no
 * control is followed twice; who asks meanwhile waits for one more.
 */
export function openRefresh(store: Store, id: string, { take, follow, over }: RefreshActions) {
  let looking: Promise<void> | undefined;
  let again = false;

  async function look(): Promise<void> {
    while (again && !over()) {
      again = false;
      const [tasks, controls] = await Promise.all([store.listOpenTasks(id), store.listControls(id)]);
      // A stop is followed in the tick in which its task begins: nothing is sent between.
      for (const task of tasks) take(task);
      for (const { key, control } of controls) {
        await follow(control);
        await store.removeControl(id, key);
      }
    }
  }

  return (): Promise<void> => {
    again = true;
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
}
