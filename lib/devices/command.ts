/**
 * The people in command (contract 6): every call of a session asks here before it is permitted.
 *
 *   judge     the rules of the server, of the device and of the session decide: send, refuse, ask, or a dry run
 *   decide    the same again once a person has approved: the device, the tool and the arguments must be the same
 *   check     in the transaction that permits: emergency stops, counts and steps; the row of the audit log is written
 *   settled   in the transaction of the outcome: the audit log and the last values learn of it
 *
 * A call that no rule, no registered device and no dry run concerns passes without any of this.
 */
import type { Clock } from '../common/clock.ts';
import type { JsonObject } from '../common/json.ts';
import type { AskingCall, Command, Verdict } from '../core/command.ts';
import type { QuestionAnswer, ToolResult } from '../core/message.ts';
import type { Clearance, StoredQuestion } from '../core/store.ts';
import { failed } from '../core/tool.ts';
import { estopRefusal } from '../store/estop-check.ts';
import type { CallFate } from './call-record.ts';
import type { CallAudit } from './call-audit.ts';
import { digestOf, isSafeState, recordOf, shownArguments, type CallCase } from './call-case.ts';
import type { CommandDb } from './command-schema.ts';
import { refusalOfDevice } from './device.ts';
import { noteValues } from './last-values.ts';
import { previewCall, requestToApprove } from './preview.ts';
import { valuesIn } from './read-values.ts';
import type { DeviceRegistry } from './registry.ts';
import type { RuleBooks } from './rule-books.ts';
import type { RuleDecision } from './rules.ts';
import { findEstop, WriteClearance } from './write-clearance.ts';

/** What the command works with. */
export interface CommandNeeds {
  db: CommandDb;
  books: RuleBooks;
  devices: Pick<DeviceRegistry, 'look'>;
  audit: CallAudit;
  clock: Clock;
  /** The moment (monotonic, in ms) at which this node last asked for emergency stops. */
  stopsKnownAt(): number;
}

/** The address in the place of a device's name where there is none. */
const NO_ADDRESS = '-';

/** The command of a server over its rules, devices and database. */
export function createCommand(parts: CommandNeeds): Command {
  return new ServerCommand(parts);
}

class ServerCommand implements Command {
  readonly #parts: CommandNeeds;

  constructor(parts: CommandNeeds) {
    this.#parts = parts;
  }

  /** A call that nothing concerns gets its verdict at once: no promise, no query, no row of the audit log. */
  judge(asking: AskingCall): Verdict | Promise<Verdict> {
    const { session, tool, connection } = asking;
    const isFree =
      !isDryRun(asking) &&
      tool.risk !== 'high' &&
      this.#parts.books.isFree(connection.registered, session.config.rules);
    return isFree ? FREE : this.#judge(asking);
  }

  stopsKnownAt(): number {
    return this.#parts.stopsKnownAt();
  }

  /** The clearance that appends the outcome to the row of the write; undefined where the audit log has no such row. */
  async sentBefore(asking: AskingCall): Promise<Clearance | undefined> {
    const one = await this.#caseOf(asking);
    const { session, task, callId } = asking;
    const row = await this.#parts.audit.findSent(one.device, session.id, task.taskId, callId);
    return row === undefined ? undefined : new WriteClearance(this.#parts, one, '', undefined, row);
  }

  /** Notes that nobody approved a write. The audit log has no reads. */
  async noteRefusal(asking: AskingCall, answer: QuestionAnswer): Promise<void> {
    const one = await this.#caseOf(asking);
    if (one.ruled.effect === 'read') return;
    const by = answer.kind === 'decision' ? `Rejected by ${answer.by}.` : undefined;
    await this.#parts.audit.record(one.device, recordOf(one, FATES[answer.kind], { rule: by }));
  }

  async decide(
    asking: AskingCall,
    { digest }: StoredQuestion,
    answer: QuestionAnswer,
  ): Promise<Verdict | 'changed'> {
    const one = await this.#caseOf(asking);
    const { registered } = one;
    const now = registered && (await this.#parts.devices.look(registered.name));
    // A removed device is the same one still: `#refusalOf` refuses its call in words.
    const isChanged = now !== undefined && !now.isRemoved && now.version !== registered?.version;
    if (isChanged || digest !== digestOf(one)) return 'changed';
    return this.#verdictFor(one, { approvedBy: answer.kind === 'decision' ? answer.by : undefined });
  }

  async #judge(asking: AskingCall): Promise<Verdict> {
    const one = await this.#caseOf(asking);
    if (isSafeState(one)) return this.#send(one, 'The safe state of the device, after an emergency stop.');
    return this.#verdictFor(one);
  }

  /** The verdict for a call; `approval` is there when a person has approved it. */
  async #verdictFor(one: CallCase, approval?: { approvedBy: string | undefined }): Promise<Verdict> {
    const refused = await this.#refusalOf(one);
    if (refused) return refused;
    const {
      decision,
      rule,
      isDryRun: isRuledDry,
      ...terms
    } = one.book.decide(one.ruled, new Date(this.#parts.clock.now()));
    // Also after an approval: the rules may have changed since the question.
    if (decision === 'deny') return this.#refuse(one, 'denied', deniedBy(rule));
    const isWrite = one.ruled.effect === 'write';
    const isAsking = decision === 'ask' && !approval;
    // `ask` is stricter than `dry_run`. Where rules say both, people are asked first, and the approved write is a dry run.
    if (isWrite && (one.isDryRun || (isRuledDry && !isAsking))) return this.#dryRun(one, rule);
    if (!isAsking) return this.#send(one, rule, approval?.approvedBy);
    // Nobody is asked about a write that could not be sent anyway.
    const stop = isWrite ? await findEstop(this.#parts.db, one) : undefined;
    return stop ? this.#refuse(one, 'estop', estopRefusal(stop.reason)) : this.#ask(one, rule, terms);
  }

  async #caseOf(asking: AskingCall): Promise<CallCase> {
    const { session, tool, connection, arguments: args } = asking;
    const { registered } = connection;
    const { name, operation, effect, risk = 'normal' } = tool;
    return {
      asking,
      ruled: { tool: name, operation, effect, risk, arguments: args },
      registered,
      device: registered?.name ?? tool.device?.(connection) ?? NO_ADDRESS,
      book: await this.#parts.books.bookFor(registered, session.config.rules),
      isDryRun: isDryRun(asking),
    };
  }

  /** The refusal of a call whose device is gone, or whose arguments are out of their limits. */
  async #refusalOf(one: CallCase): Promise<Verdict | undefined> {
    const { registered, book, ruled } = one;
    if (registered) {
      const gone = refusalOfDevice(registered.name, await this.#parts.devices.look(registered.name));
      if (gone !== undefined) return this.#refuse(one, 'disabled', failed('device_disabled', gone, 'none'));
    }
    if (ruled.effect === 'read') return undefined;
    const fault = book.argumentFault(ruled);
    return fault === undefined
      ? undefined
      : this.#refuse(one, 'limited', failed('limit_exceeded', fault, 'none'));
  }

  /** Refuses a call. A write gets a row of the audit log, whose event in a dry run is always `dry_run`. A read gets none. */
  async #refuse(one: CallCase, event: CallFate, result: ToolResult, rule?: string): Promise<Verdict> {
    if (one.ruled.effect === 'write')
      await this.#parts.audit.record(one.device, recordOf(one, one.isDryRun ? 'dry_run' : event, { rule }));
    return { kind: 'refuse', result };
  }

  /** Answers with the request that would leave. The model sees it as the result of the call. */
  async #dryRun(one: CallCase, rule: string): Promise<Verdict> {
    const result = { dryRun: true, request: previewCall(one.asking), rule };
    return this.#refuse(one, 'dry_run', result, rule);
  }

  /** The question for people, with the terms of the deciding rules. The digest names the very call that they approve. */
  #ask(
    one: CallCase,
    rule: string,
    terms: Pick<RuleDecision, 'facts' | 'approvers' | 'needsAnother' | 'approvalTimeoutSeconds'>,
  ): Verdict {
    const { clock } = this.#parts;
    const { asking, device, ruled } = one;
    return {
      kind: 'ask',
      question: {
        id: `apr_${clock.newId()}`,
        kind: 'approval',
        device,
        name: ruled.tool,
        parameters: shownArguments(asking),
        risk: ruled.risk,
        rule,
        ...(terms.facts.length > 0 && { rules: terms.facts as unknown as JsonObject[] }),
        approvers: terms.approvers,
        ...(terms.needsAnother && { needsAnother: true }),
        request: requestToApprove(asking),
        expiresAt: clock.now() + terms.approvalTimeoutSeconds * 1000,
      },
      digest: digestOf(one),
    };
  }

  #send(one: CallCase, rule: string, approvedBy?: string): Verdict {
    // The time before the read leaves: a write that is permitted after it knows the value better (last-values.ts).
    const askedAt = this.#parts.clock.now();
    if (one.ruled.effect === 'read')
      return { kind: 'send', observed: (result) => this.#observe(one, result, askedAt) };
    return { kind: 'send', clearance: new WriteClearance(this.#parts, one, rule, approvedBy) };
  }

  /** Notes the values in the result of a read that limits need. */
  async #observe({ device, book }: CallCase, result: ToolResult, askedAt: number): Promise<void> {
    const { db } = this.#parts;
    const values = valuesIn(result, book.watchedNames);
    if (values.size === 0) return;
    await db.transaction().execute((trx) => noteValues(trx, device, values, askedAt));
  }
}

/** What became of a call that nobody approved. */
const FATES = {
  decision: 'rejected',
  expired: 'expired',
  stopped: 'stopped',
  result: 'stopped',
} as const satisfies Record<QuestionAnswer['kind'], CallFate>;

const FREE: Verdict = { kind: 'send' };

/** Whether the session or the message asks for a dry run. */
function isDryRun({ session, task }: AskingCall): boolean {
  return (session.config.dryRun ?? false) || (task.settings?.dryRun ?? false);
}

function deniedBy(rule: string): ToolResult {
  return failed('denied_by_rule', rule, 'none', { rule });
}
