import { may } from '../accounts/permissions.ts';
import type { Question, QuestionAnswer } from '../core/message.ts';
import type { Principal } from '../core/principal.ts';
import type { Sessions } from '../core/sessions.ts';
import type { Store } from '../core/store.ts';
import { AppError } from '../errors.ts';
import type { CommandDb } from './command-schema.ts';

/** A call that waits for the decision of a person. */
export type OpenApproval = Omit<Question & { kind: 'approval' }, 'kind'> & {
  session: string;
  task: string;
  callId: string;
  /** The id of the principal who asked. */
  askedBy: string;
};

/** What approvals work with. */
export interface ApprovalsOptions {
  db: CommandDb;
  store: Pick<Store, 'answer'>;
  sessions: Pick<Sessions, 'wake'>;
  /** Whether a principal may use a registered device; true for an address that is no device of the server. */
  mayUseDevice(caller: Principal, device: string): Promise<boolean>;
}

/** So many open questions are read. Those that the caller may not decide count among them. */
const LISTED_MAX_COUNT = 1000;

/** The approvals that calls wait for (contract 6, section 3). */
export class Approvals {
  readonly #options: ApprovalsOptions;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
  }

  /** The open ones that the caller may decide, oldest first; those of one session when it is named. */
  async list(caller: Principal, session?: string): Promise<OpenApproval[]> {
    let query = this.#rows().where('question.is_open', '=', 1).where('question.answer', 'is', null);
    if (session !== undefined) query = query.where('question.session_id', '=', session);
    const rows = await query.orderBy('question.position').limit(LISTED_MAX_COUNT).execute();
    const approvals: OpenApproval[] = [];
    for (const row of rows) {
      const approval = approvalOf(row);
      if (await this.#mayDecide(caller, approval)) approvals.push(approval);
    }
    return approvals;
  }

  /**
   * Decides about a call. Rejects with `not_found` for an id that was never asked, `forbidden` for a caller who may not decide, and
   * `conflict` when somebody has decided before.
   */
  async decide(
    caller: Principal,
    id: string,
    { decision, reason }: { decision: 'approve' | 'reject'; reason?: string | undefined },
  ): Promise<{ id: string; decision: string; by: string; reason: string | null }> {
    const { store, sessions } = this.#options;
    const row = await this.#rows().where('question.id', '=', id).executeTakeFirst();
    const approval = row && approvalOf(row);
    if (!approval) throw new AppError('not_found', `There is no approval "${id.slice(0, 100)}".`);
    if (!(await this.#mayDecide(caller, approval)))
      throw new AppError('forbidden', `You may not decide about this call: ${whoMay(approval)}`);
    const by = caller.account?.name ?? caller.id;
    const answer: QuestionAnswer = {
      kind: 'decision',
      decision,
      by,
      ...(reason !== undefined && { reason }),
    };
    // The store takes one answer only: of two people at the same time, the later one gets `conflict`.
    const answered = await store.answer(approval.session, id, answer);
    if (answered !== 'taken') throw new AppError('conflict', lateText(answered?.late));
    // The call may wait on this node. An owner on another node is woken by the store.
    await sessions.wake(approval.session);
    return { id, decision, by, reason: reason ?? null };
  }

  /**
   * The right to decide, by the approvers of the rule: `owner` is the person who asked, `admin` an administrator (with `needsAnother`
   * not the one who asked), `other` anybody else who may use the device.
   */
  async #mayDecide(caller: Principal, { approvers, needsAnother, askedBy, device }: OpenApproval) {
    const isOwner = caller.id === askedBy;
    if (approvers === 'owner') return isOwner && may(caller, 'decide about calls');
    if (approvers === 'admin') return may(caller, 'command devices') && !(needsAnother && isOwner);
    return !isOwner && may(caller, 'decide about calls') && this.#options.mayUseDevice(caller, device);
  }

  /** All approvals, also answered ones, with the owners of their sessions. */
  #rows() {
    return this.#options.db
      .selectFrom('questions as question')
      .innerJoin('sessions as session', 'session.id', 'question.session_id')
      .select(['question.session_id', 'question.task_id', 'question.call_id', 'question.body'])
      .select('session.owner')
      .where('question.kind', '=', 'approval');
  }
}

function approvalOf(row: {
  session_id: string;
  task_id: string;
  call_id: string;
  body: string;
  owner: string;
}): OpenApproval {
  const { kind: _, ...question } = JSON.parse(row.body) as Question & { kind: 'approval' };
  return {
    ...question,
    session: row.session_id,
    task: row.task_id,
    callId: row.call_id,
    askedBy: row.owner,
  };
}

function whoMay({ approvers, needsAnother }: OpenApproval): string {
  if (approvers === 'owner') return 'only the person who asked for it may.';
  if (approvers === 'admin')
    return needsAnother ? 'only an admin who did not ask for it may.' : 'only an admin may.';
  return 'only another person who may use the device may.';
}

/** Why an answer came too late. An end without a decision is a stop of the task. */
function lateText(late: QuestionAnswer | undefined): string {
  if (late?.kind === 'expired') return 'Nobody decided in time: the call was refused.';
  if (late?.kind !== 'decision') return 'The task was stopped before anybody decided.';
  const why = late.reason === undefined ? '' : ` ("${late.reason}")`;
  return `It was decided before: ${late.decision} by ${late.by}${why}.`;
}
