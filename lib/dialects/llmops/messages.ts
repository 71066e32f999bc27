import type { Turn } from '../../core/turns.ts';
import { turnsOf } from '../../core/turns.ts';
import { AppError, type Fault } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { success } from './answer.ts';
import { findAppConversation, messageAnswer } from './conversation.ts';
import { pageAnswer, numberedPageOf, numberedPageQuery } from './page.ts';
import { messageShape, pageShape, successShape } from './shapes.ts';

const removal = {
  type: 'object',
  properties: { app_id: { type: 'string' }, message_id: { type: 'string' } },
} as const;

/** The messages of apps' conversations: views of their logs (contract 3). */
export function createMessageRoutes({
  agents: { apps },
  sessions,
}: Pick<Parts, 'agents' | 'sessions'>): Route[] {
  return [
    route({
      method: 'GET',
      path: '/apps/:app_id/messages',
      summary: "A page of what was said in an app's conversation, newest first.",
      access: 'caller',
      query: numberedPageQuery,
      answer: successShape(pageShape(messageShape)),
      async handle({ params, query, caller }) {
        const page = numberedPageOf(query);
        const session = await findAppConversation(sessions, await apps.find(params.app_id, caller));
        if (!session) return success(pageAnswer([], page, 0));
        const shown = turnsOf(await session.history()).filter(
          (turn) => isShown(turn) && turn.startedAt < page.before,
        );
        const list = shown.toReversed().slice(page.offset, page.offset + page.size);
        const messages = list.map((turn) => messageAnswer(session.id, turn));
        return success(pageAnswer(messages, page, shown.length));
      },
    }),
    route({
      method: 'POST',
      path: '/apps/:app_id/messages/:message_id/delete',
      summary: 'Deletes a message: nobody is shown it any more, nor the model.',
      access: 'caller',
      body: removal,
      bodyLenient: true,
      answer: successShape(),
      async handle({ params, body, caller }) {
        const { app_id: appId, message_id: messageId } = params;
        const faults = [
          ...differing('app_id', body.app_id, appId),
          ...differing('message_id', body.message_id, messageId),
        ];
        if (faults.length > 0)
          throw new AppError('invalid_request', 'The body is not of this path.', { faults });
        const session = await findAppConversation(sessions, await apps.find(appId, caller));
        const turns = session ? turnsOf(await session.history()) : [];
        const turn = turns.find(({ taskId }) => taskId === messageId);
        if (!session || turn?.status !== 'done' || (turn.removed.said && turn.removed.answer))
          throw new AppError('not_found', 'There is no such message in the conversation of the app.');
        if (!turn.removed.said) await session.mark([turn.saidSeq], 'said', { removed: true });
        if (!turn.removed.answer) await session.mark([turn.answerSeq], 'answer', { removed: true });
        return success({}, '删除调试信息成功');
      },
    }),
  ];
}

/** Answered, and nothing of it removed. */
function isShown({ status, answer, removed }: Turn): boolean {
  return status === 'done' && answer !== undefined && !removed.said && !removed.answer;
}

function differing(field: string, given: string | undefined, inPath: string): Fault[] {
  if (given === undefined || given === inPath) return [];
  return [{ pointer: `/${field}`, detail: 'is another one than in the path' }];
}
