import { route, type Route } from '../../server/mount.ts';
import { withAskers } from '../../accounts/askers.ts';
import type { Parts } from '../dialect.ts';
import { formatTime } from '../liteagent/time.ts';
import { decisionShape, openApprovalShape } from './command-shapes.ts';

type ApprovalParts = Pick<Parts, 'accounts' | 'approvals'>;

/** The calls that wait for the decision of a person (contract 6, section 3). */
export function createApprovalRoutes(parts: ApprovalParts): Route[] {
  return [listApprovals(parts), decide(parts)];
}

function listApprovals({ accounts, approvals }: ApprovalParts): Route {
  return route({
    method: 'GET',
    path: '/api/approvals',
    polled: true,
    summary: 'The open approvals that the caller may decide, oldest first; those of one session with id.',
    access: 'use a device',
    query: { type: 'object', properties: { id: { type: 'string' } } },
    answer: { type: 'array', items: openApprovalShape },
    async handle({ query: { id }, caller }) {
      const open = await approvals.list(caller, id);
      // The asker is an id; people know each other by names.
      const named = await withAskers(accounts.users, open);
      return named.map((approval) => ({ ...approval, expiresAt: formatTime(approval.expiresAt) }));
    },
  });
}

/**
 * A caller who may not decide about this call gets 403, and an id that was never asked 404. The answer says who decided; the call itself
 * goes on in its session.
 */
function decide({ approvals }: ApprovalParts): Route {
  return route({
    method: 'POST',
    path: '/api/approvals/:id',
    summary: 'Approves or rejects a call. The first decision holds; a later one gets 409 with the first.',
    access: 'decide about calls',
    body: {
      type: 'object',
      required: ['decision'],
      examples: [{ decision: 'reject', reason: 'They sleep' }],
      properties: {
        decision: { enum: ['approve', 'reject'] },
        reason: { type: 'string', maxLength: 1000 },
      },
    },
    answer: decisionShape,
    handle: ({ params: { id }, body: { decision, reason }, caller }) =>
      approvals.decide(caller, id, { decision, reason }),
  });
}
