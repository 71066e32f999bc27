import type { OpenApproval } from '../../devices/approvals.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { formatTime } from '../liteagent/time.ts';
import { decisionShape, openApprovalShape } from './command-shapes.ts';

type ApprovalParts = Pick<Parts, 'approvals'>;

/** The calls that wait for the decision of a person (contract 6, section 3). */
export function createApprovalRoutes(parts: ApprovalParts): Route[] {
  return [listApprovals(parts), decide(parts)];
}

function listApprovals({ approvals }: ApprovalParts): Route {
  return route({
    method: 'GET',
    path: '/api/approvals',
    summary: 'The open approvals that the caller may decide, oldest first; those of one session with id.',
    access: 'use a device',
    query: { type: 'object', properties: { id: { type: 'string' } } },
    answer: { type: 'array', items: openApprovalShape },
    handle: async ({ query: { id }, caller }) => (await approvals.list(caller, id)).map(formatApproval),
  });
}

function decide({ approvals }: ApprovalParts): Route {
  return route({
    method: 'POST',
    path: '/api/approvals/:id',
    summary: 'Approves or rejects a call. The first decision holds; a later one gets 409 with the first.',
    access: 'decide about calls',
    body: {
      type: 'object',
      required: ['decision'],
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

function formatApproval({ expiresAt, ...approval }: OpenApproval) {
  return { ...approval, expiresAt: formatTime(expiresAt) };
}
