import type { QuestionAnswer } from './message.ts';
import type { Store } from './store.ts';

/**
 * The questions of one owner that wait for an answer. A question lives in the store; here is only the call that waits for
 * it. It holds no timer and no socket: the store's answer is read when the owner is woken.
 */
export class Questions {
  readonly #store: Store;
  readonly #waiting = new Map<string, (answer: QuestionAnswer) => void>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves with the answer to a question, or with undefined when the signal aborts first. */
  async wait(id: string, signal: AbortSignal): Promise<QuestionAnswer | undefined> {
    if (signal.aborted) return undefined;
    let giveUp = (): void => undefined;
    const answered = new Promise<QuestionAnswer | undefined>((resolve) => {
      this.#waiting.set(id, resolve);
      giveUp = () => resolve(undefined);
    });
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await this.read(); // it may have been answered before anybody waited here
      return await answered;
    } finally {
      signal.removeEventListener('abort', giveUp);
      this.#waiting.delete(id);
    }
  }

  /** Whether a call waits. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Passes on the answers that the store has by now. */
  async read(): Promise<void> {
    if (!this.isWaiting) return;
    const answers = await this.#store.readAnswers([...this.#waiting.keys()]);
    for (const [id, answer] of answers) this.#waiting.get(id)?.(answer);
  }
}
