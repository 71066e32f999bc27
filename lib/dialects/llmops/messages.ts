import { AppError, type Fault } from '../../errors.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { success } from './answer.ts';
import { findAppConversation, messageAnswer } from './conversation.ts';
import { pageAnswer, numberedPageOf, numberedPageQuery } from './page.ts';
import { messageShape, pageShape, successShape } from './shapes.ts';
import { createTurnIndexes } from './turn-index.ts';

/** Clients repeat the ids of the path in the body. Both are optional. */
const removal = {
  type: 'object',
  examples: [{}],
  properties: { app_id: { type: 'string' }, message_id: { type: 'string' } },
} as const;

/** The messages of apps' conversations: views of their logs (contract 3). */
export function createMessageRoutes({
  agents: { apps, memory },
  sessions,
}: Pick<Parts, 'agents' | 'sessions'>): Route[] {
  const indexOf = createTurnIndexes();
  return [
    // A message is a question with its answer. Unanswered and deleted ones are not counted either.
    route({
      method: 'GET',
      path: '/apps/:app_id/messages',
      summary: "A page of the messages in an app's conversation, newest first.",
      access: 'look at an app',
      app: 'app_id',
      query: numberedPageQuery,
      answer: successShape(pageShape(messageShape)),
      async handle({ params, query, caller }) {
        const page = numberedPageOf(query);
        const session = await findAppConversation(sessions, await apps.find(params.app_id, caller));
        if (!session) return success(pageAnswer([], page, 0));
        const { turns, total } = await indexOf(session).page(page.before, page.offset, page.size);
        return success(
          pageAnswer(
            turns.map((turn) => messageAnswer(session.id, turn)),
            page,
            total,
          ),
        );
      },
    }),
    // The log keeps the lines with a mark. Views and the model leave marked lines out. The journal keeps the calls to devices.
    route({
      method: 'POST',
      path: '/apps/:app_id/messages/:message_id/delete',
      summary: 'Deletes a message: no client and no model sees it any more.',
      access: 'use an app',
      app: 'app_id',
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
          throw new AppError('invalid_request', 'The body names another app or message than the path.', {
            faults,
          });
        const session = await findAppConversation(sessions, await apps.find(appId, caller));
        const turn = session && (await indexOf(session).find(messageId));
        // A turn without an answer is in no list, so that it cannot be deleted either.
        if (!session || turn?.status !== 'done' || (turn.removed.said && turn.removed.answer))
          throw new AppError('not_found', 'There is no such message in the conversation of the app.');
        // One of the two may be removed already, by a request that broke off between them.
        if (!turn.removed.said) await session.mark([turn.saidSeq], 'said', { removed: true });
        if (!turn.removed.answer) await session.mark([turn.answerSeq], 'answer', { removed: true });
        await memory.forget(appId, turn.saidSeq);
        return success({}, '删除调试信息成功');
      },
    }),
  ];
}

/** A body that contradicts the path is a mistake of the client. To guess would delete the wrong message. */
function differing(field: string, given: string | undefined, inPath: string): Fault[] {
  if (given === undefined || given === inPath) return [];
  return [{ pointer: `/${field}`, detail: 'differs from the path' }];
}
