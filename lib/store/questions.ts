import { systemClock } from '../common/clock.ts';
import type { Insertable, Selectable, Transaction } from 'kysely';
import type { QuestionAnswer, Question } from '../core/message.ts';
import type { Answered, Store, StoredQuestion } from '../core/store.ts';
import type { StoreNode } from './node.ts';
import { inPortions } from './portions.ts';
import type { Schema } from './schema.ts';

/** How many questions one call lets expire. */
const EXPIRED_AT_ONCE = 100;

/**
 * The questions of calls. A row is open until its question is over; the first answer stays. The owner of the session closes the
 * row together with the lines that say so.
 */
export function createQuestions({
  db,
  run,
}: StoreNode): Pick<Store, 'findQuestion' | 'readAnswers' | 'answer' | 'expireQuestions'> {
  return {
    async findQuestion(id, { seq, callId }) {
      const row = await db
        .selectFrom('questions')
        .selectAll()
        .where('session_id', '=', id)
        .where('seq', '=', seq)
        .where('call_id', '=', callId)
        .orderBy('position', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && { ...storedQuestion(row), isOpen: row.is_open === 1 };
    },

    async readAnswers(ids) {
      const answers = new Map<string, QuestionAnswer>();
      for (const some of inPortions(ids)) {
        const rows = await db
          .selectFrom('questions')
          .select(['id', 'answer'])
          .where('id', 'in', some)
          .where('answer', 'is not', null)
          .execute();
        for (const { id, answer } of rows) answers.set(id, JSON.parse(answer!) as QuestionAnswer);
      }
      return answers;
    },

    answer: (id, question, answer) =>
      run(id, async (trx) => {
        // One that is over its time has expired, also when nobody has noticed yet.
        await answerIn(trx, id, question, { kind: 'expired' }, systemClock.now());
        return answerIn(trx, id, question, answer);
      }),

    async expireQuestions(now) {
      const due = await db
        .selectFrom('questions')
        .select(['id', 'session_id'])
        .where('is_open', '=', 1)
        .where('expires_at', '<=', now)
        .where('answer', 'is', null)
        // The rest goes with the next call.
        .limit(EXPIRED_AT_ONCE)
        .execute();
      // A question that somebody answers between the two statements keeps that answer.
      for (const { id, session_id: session } of due)
        await run(session, (trx) => answerIn(trx, session, id, { kind: 'expired' }));
      // Sessions may be in the list twice, and also those whose question was answered meanwhile: their owners only look once more.
      return due.map(({ session_id: session }) => session);
    },
  };
}

/** The kinds of questions that an answer of each kind fits. */
const KINDS = {
  decision: ['approval'],
  result: ['result'],
  expired: ['approval', 'result'],
  stopped: ['approval', 'result'],
} as const;

/** Writes an answer, unless the question has one; `expiredBy`: only to a question whose time had passed by then. */
async function answerIn(
  trx: Transaction<Schema>,
  session: string,
  question: string,
  answer: QuestionAnswer,
  expiredBy = Number.MAX_SAFE_INTEGER,
): Promise<Answered> {
  const kinds = KINDS[answer.kind];
  const taken = await trx
    .updateTable('questions')
    .set({ answer: JSON.stringify(answer) })
    .where('session_id', '=', session)
    .where('id', '=', question)
    .where('kind', 'in', kinds)
    .where('is_open', '=', 1)
    .where('answer', 'is', null)
    .where('expires_at', '<=', expiredBy)
    .executeTakeFirst();
  // The condition on `answer` decides between two answers of one moment: the row is changed once.
  if (taken.numUpdatedRows > 0n) return 'taken';
  const known = await trx
    .selectFrom('questions')
    .select('answer')
    .where('session_id', '=', session)
    .where('id', '=', question)
    .where('kind', 'in', kinds)
    .executeTakeFirst();
  if (known?.answer === undefined) return undefined;
  // A question that was closed without an answer was stopped.
  return { late: known.answer === null ? { kind: 'stopped' } : (JSON.parse(known.answer) as QuestionAnswer) };
}

/** Closes open questions: one by its id, those of a task, or all of a session. */
export async function closeQuestions(
  trx: Transaction<Schema>,
  which: { id: string } | { session: string; task?: string },
): Promise<void> {
  let closing = trx.updateTable('questions').set({ is_open: 0 }).where('is_open', '=', 1);
  if ('id' in which) closing = closing.where('id', '=', which.id);
  else {
    closing = closing.where('session_id', '=', which.session);
    if (which.task !== undefined) closing = closing.where('task_id', '=', which.task);
  }
  await closing.execute();
}

/** The row of a new question. */
export function questionRow(
  id: string,
  { seq, callId, taskId, question, digest }: StoredQuestion,
  position: number,
): Insertable<Schema['questions']> {
  return {
    id: question.id,
    session_id: id,
    seq,
    call_id: callId,
    task_id: taskId,
    kind: question.kind,
    position,
    body: JSON.stringify(question),
    digest,
    expires_at: question.expiresAt,
    is_open: 1,
    answer: null,
  };
}

/** The question of a row. */
function storedQuestion(row: Selectable<Schema['questions']>): StoredQuestion {
  const { seq, call_id: callId, task_id: taskId, body, digest, answer } = row;
  return {
    seq,
    callId,
    taskId,
    question: JSON.parse(body) as Question,
    digest,
    ...(answer !== null && { answer: JSON.parse(answer) as QuestionAnswer }),
  };
}
