import type { Clock } from '../common/clock.ts';
import type { ToolResult } from '../core/message.ts';
import type { Clearance, Outcome } from '../core/store.ts';
import { failed } from '../core/tool.ts';
import { estopRefusal } from '../store/estop-check.ts';
import type { CallAudit, ChainEnd, CommandTransaction } from './call-audit.ts';
import type { CallFate } from './call-record.ts';
import { isSafeState, recordOf, type CallCase } from './call-case.ts';
import type { CommandDb } from './command-schema.ts';
import { forgetValues, settleValues } from './last-values.ts';
import { limitFault } from './limits.ts';

/** What a clearance works with. */
export interface ClearanceParts {
  audit: CallAudit;
  clock: Clock;
}

/** What must hold for one write when it is permitted. */
export class WriteClearance implements Clearance {
  readonly #parts: ClearanceParts;
  readonly #case: CallCase;
  /** The sentence of the rule that let the write pass; empty for one that an earlier owner may have sent. */
  readonly #rule: string;
  /** The person who approved; undefined when nobody was asked. */
  readonly #approvedBy: string | undefined;
  /** The number of the write's row in the audit log. */
  #row: number;

  constructor(parts: ClearanceParts, one: CallCase, rule: string, approvedBy: string | undefined, row = 0) {
    this.#row = row;
    this.#parts = parts;
    this.#case = one;
    this.#rule = rule;
    this.#approvedBy = approvedBy;
  }

  /** The refusal, or undefined when the write may be sent. Both get a row of the audit log in the transaction that permits. */
  async check(transaction: unknown): Promise<ToolResult | undefined> {
    const trx = transaction as CommandTransaction;
    const end = await this.#parts.audit.lock(trx, this.#case.device); // no other write of this device counts meanwhile
    // The safe state is sent because of a stop: neither a stop nor a limit may hold it.
    const isSafe = isSafeState(this.#case);
    const stop = isSafe ? undefined : await findEstop(trx, this.#case);
    if (stop) {
      await this.#write(trx, end, 'estop');
      return estopRefusal(stop.reason);
    }
    const { device, ruled: call, book } = this.#case;
    const now = this.#parts.clock.now();
    const fault = isSafe ? undefined : await limitFault(trx, { device, call, book, now });
    if (fault !== undefined) {
      await this.#write(trx, end, 'limited', fault);
      return failed('limit_exceeded', fault, 'none');
    }
    // Until its outcome is known, the device may have the old value or the new one.
    await forgetValues(trx, device, book.writtenValues(call), now);
    this.#row = await this.#write(trx, end, 'sent');
    return undefined;
  }

  /** Runs in the transaction of the outcome, so that the audit log and the last values never differ from the journal. */
  async settled(transaction: unknown, outcome: Outcome): Promise<void> {
    const trx = transaction as CommandTransaction;
    const { device, ruled, book } = this.#case;
    await settleValues(trx, device, book.writtenValues(ruled), { outcome, at: this.#parts.clock.now() });
    await this.#parts.audit.appendOutcome(trx, device, this.#row, outcome);
  }

  #write(trx: CommandTransaction, end: ChainEnd, event: CallFate, rule = this.#rule): Promise<number> {
    const record = recordOf(this.#case, event, { rule, approvedBy: this.#approvedBy });
    return this.#parts.audit.append(trx, this.#case.device, record, end);
  }
}

/** The emergency stop that holds a write; undefined when there is none. */
export function findEstop(
  db: CommandDb,
  { asking, registered }: CallCase,
): Promise<{ reason: string | null } | undefined> {
  const scopes = ['all', `session:${asking.session.id}`];
  if (registered) scopes.push(`device:${registered.name}`);
  return db
    .selectFrom('estops')
    .select('reason')
    .where('released_at', 'is', null)
    .where('scope', 'in', scopes)
    .executeTakeFirst();
}
