import type { Clock } from '../common/clock.ts';
import { AppError } from '../errors.ts';
import type { Command } from './command.ts';
import { askOwner } from './controls.ts';
import type { Equipment } from './equipment.ts';
import type { KeptSession } from './kept-session.ts';
import type { TaskSettings } from './session-config.ts';
import type { Feed } from './feed.ts';
import type { Message } from './message.ts';
import type { Observer } from './observer.ts';
import { Owner, type OwnerLimits } from './owner.ts';
import { isReplaced, type Claim, type ClaimedSession, type Control } from './store.ts';
import type { Store } from './store.ts';

/** A session, and everything that its owner will need. */
export interface OwnershipOptions {
  stored: KeptSession;
  store: Store;
  clock: Clock;
  limits: OwnerLimits;
  command: Command;
  observer: Observer;
  equip(settings?: TaskSettings): Promise<Equipment>;
  /** Receives errors that belong to no request. */
  onError(error: unknown): void;
  /** Called when the session turns out to be removed, before its subscriptions end. */
  onGone(): void;
}

/** The claim of a session that was just created, its equipment where it is open, and the only line of its log. */
export interface CreatedSession {
  claim: Claim;
  equipment: Equipment | undefined;
  firstLine: Message;
}

/** Whether this node owns a session, and its owner while it does. */
export class Ownership {
  readonly #options: OwnershipOptions;
  readonly #feed: Feed;
  #owner: Owner | undefined;
  #claiming: Promise<Owner | undefined> | undefined;
  #isLeaving = false;
  /** True after this node lost the session, until it has tried to claim it again. */
  #isLost = false;
  /** Work that no request waits for. The session has left when it has ended. */
  readonly #background = new Set<Promise<void>>();

  /** A session that was just created is owned by this node from the start. */
  constructor(options: OwnershipOptions, feed: Feed, created?: CreatedSession) {
    this.#options = options;
    this.#feed = feed;
    if (created) this.#own(created.claim, created);
  }

  /** The owner on this node; undefined while this node does not own the session. */
  get owner(): Owner | undefined {
    return this.#owner;
  }

  /** The number of the last line, while this node surely owns the session and no task is open. */
  get idleSeq(): number | undefined {
    // With a shared store another node may be the owner by now. While this node claims the session, it does not know the tasks yet.
    if (this.#options.store.shared || this.#claiming || this.#owner?.isBusy) return undefined;
    return this.#owner?.lastSeq;
  }

  /** Whether this node lost the session, and has not tried to claim it since. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** True once the session leaves this node. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Becomes the owner if no node is. Undefined while another node is. Rejects with `not_found` when the session is gone. */
  async claim(): Promise<Owner | undefined> {
    if (this.#owner) return this.#owner;
    this.#claiming ??= this.#claimNow().finally(() => {
      this.#claiming = undefined;
    });
    return this.#claiming;
  }

  /** Takes a claim that this node has made for the session, and works on what waited for an owner. */
  async adopt({ claim, ...waiting }: ClaimedSession): Promise<void> {
    const { store, stored } = this.#options;
    await this.#claiming?.catch(() => undefined); // the request that claims reports its failure
    if (this.#isLeaving) return store.release(stored.id, claim.epoch);
    if (this.#owner && this.#owner.epoch > claim.epoch) return undefined;
    const owner = this.#own(claim);
    this.#feed.refresh();
    return owner.accept(waiting);
  }

  /** Does it here when this node is or becomes the owner. Otherwise asks the owner, and waits until it has obeyed. */
  async command(control: Control): Promise<void> {
    const { stored, store, clock } = this.#options;
    const owner = await this.claim();
    if (!owner) return askOwner(store, stored.id, control, clock);
    try {
      await owner.refresh(); // the task that is meant may have come from another node just now
      await owner.obey(control);
    } catch (error) {
      if (isReplaced(error)) return askOwner(store, stored.id, control, clock);
      throw error;
    }
  }

  /** Another node has written to the session, or may have. */
  wake(): void {
    if (this.#isLeaving) return;
    if (this.#owner) this.#inBackground(this.#owner.refresh());
    else this.#feed.refresh();
  }

  /** Gives the ownership up because another node has it now, or because nothing can be written. */
  abandon(): void {
    const owner = this.#owner;
    this.#owner = undefined;
    this.#isLost = true;
    if (owner) this.#inBackground(owner.abandon());
    this.#feed.refresh();
  }

  /** Gives the ownership back while nothing runs. Does nothing while a task runs or waits. */
  async release(): Promise<void> {
    const owner = this.#owner;
    if (!owner || owner.isBusy) return;
    this.#owner = undefined;
    await owner.abandon();
    await this.#options.store.release(this.#options.stored.id, owner.epoch);
  }

  /**
   * Ends the ownership for good. With `handOver`, calls that have left are awaited for `withinMs` and their results are
   * appended, and another node may go on at once. Otherwise nothing more is appended.
   */
  async leave(handOver: boolean, withinMs?: number): Promise<void> {
    const { store, stored } = this.#options;
    this.#isLeaving = true;
    const owner = this.#owner ?? (await this.#claiming?.catch(() => undefined));
    if (owner && handOver) {
      await owner.leave(withinMs);
      await store.release(stored.id, owner.epoch);
    } else await owner?.abandon();
    this.#owner = undefined;
  }

  /** Resolves when no work of the ownership is left. */
  async settled(): Promise<void> {
    await Promise.all(this.#background);
  }

  async #claimNow(): Promise<Owner | undefined> {
    const { stored, store } = this.#options;
    const claim = await store.claim(stored.id);
    this.#isLost = false;
    if (claim === undefined) {
      this.#options.onGone();
      this.#feed.end('removed');
      throw new AppError('not_found', `The session "${stored.id}" is gone.`);
    }
    if (claim === 'held' || this.#isLeaving) return undefined;
    const owner = this.#own(claim);
    this.#feed.refresh();
    try {
      await owner.refresh();
    } catch (error) {
      if (isReplaced(error)) return undefined; // another node has claimed it meanwhile, or it has to be claimed anew
      throw error;
    }
    return owner;
  }

  #own(claim: Claim, created?: CreatedSession): Owner {
    const onLost = (error: unknown): void => {
      if (this.#owner !== owner) return;
      this.#options.onError(error);
      this.abandon();
    };
    const owner = new Owner({ ...this.#options, claim, feed: this.#feed, onLost }, created);
    this.#owner = owner;
    return owner;
  }

  #inBackground(work: Promise<void>): void {
    const noted = work
      .catch((error: unknown) => this.#options.onError(error))
      .finally(() => this.#background.delete(noted));
    this.#background.add(noted);
  }
}
