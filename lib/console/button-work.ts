import { useSignal, type ReadonlySignal } from '@preact/signals';
import { callErrorOf, type CallError } from './api.ts';

/** The work of a button: whether it runs, and its refusal. */
export interface ButtonWork {
  /** A busy button has `aria-disabled`: one that is `disabled` loses the focus. */
  isBusy: ReadonlySignal<boolean>;
  /** The refusal of the last work; undefined before, and after a success. */
  failure: ReadonlySignal<CallError | undefined>;
  /** Begins work, and forgets the last refusal. Passed over while work runs. */
  begin(work: () => Promise<unknown>): void;
}

/** The state of a button's work. */
export function useButtonWork(): ButtonWork {
  const isBusy = useSignal(false);
  const failure = useSignal<CallError | undefined>(undefined);
  return {
    isBusy,
    failure,
    begin(work) {
      if (isBusy.value) return;
      isBusy.value = true;
      failure.value = undefined;
      work()
        .catch((error: unknown) => (failure.value = callErrorOf(error)))
        .finally(() => (isBusy.value = false));
    },
  };
}
