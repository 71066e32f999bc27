import { createPauses } from '../../common/pauses.ts';
import type { Message } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import { AppError } from '../../errors.ts';
import { parseRules } from '../../devices/parse-rules.ts';
import { checkPrompt } from '../prompt-limit.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import type { LiteAgentParts } from './parts.ts';
import { envelopeSchema } from './envelope-schema.ts';
import { envelopesOf, type AgentMessage } from './envelope.ts';
import { ignoredFieldWarnings } from './ignored-fields.ts';
import { checkAdmission, initSchema, toSessionConfig } from './init.ts';

/** So many lines are read at a time: each may have a picture. */
const PAGE_MAX_COUNT = 100;
const id = { type: 'string', minLength: 1 } as const;
const sessionQuery = { type: 'object', required: ['id'], properties: { id } } as const;
/** `last` is in lines of the log: an envelope belongs to a line with others. */
const historyQuery = {
  type: 'object',
  required: ['id'],
  properties: {
    id,
    last: {
      type: 'string',
      pattern: '^[1-9]\\d{0,4}$',
      description: 'only the envelopes of the last so many lines of the log; all when missing',
    },
  },
} as const;
/** A task's id has at most 36 characters, as in the frames of clients. */
const stopQuery = {
  type: 'object',
  required: ['id'],
  properties: { id, taskId: { type: 'string', minLength: 1, maxLength: 36 } },
} as const;
/** `warnings` names each ignored field, and each key that no document asks for. It is missing where there is none. */
const initAnswer = {
  type: 'object',
  required: ['id'],
  properties: { id, warnings: { type: 'array', items: { type: 'string' } } },
} as const;
/** `taskId` is there when the request named one. */
const idAnswer = { type: 'object', required: ['id'], properties: { id, taskId: id } } as const;

/** The HTTP calls of contract 1. */
export function createRoutes(parts: LiteAgentParts): Route[] {
  const { sessions, devices, access, config, version } = parts;
  /** The seed stops and clears with GET; POST is the same for clients that care. */
  const both = (make: (method: 'GET' | 'POST') => Route) => [make('GET'), make('POST')];

  return [
    route({
      method: 'GET',
      path: '/api/version',
      summary: 'The version of the server.',
      access: 'open',
      answer: { type: 'object', required: ['version'], properties: { version: { type: 'string' } } },
      handle: () => ({ version }),
    }),
    // Every document is compiled before the answer: a bad one fails the whole call with 400, and nothing is left behind.
    route({
      method: 'POST',
      path: '/api/init',
      keepsAnswer: true,
      summary: 'Opens a session with a model and documents that describe devices.',
      access: 'chat',
      body: initSchema,
      bodyMaxBytes: config.limits.initMaxBytes,
      fieldsInPieces: ['openSpec'],
      answer: initAnswer,
      async handle({ body, caller, ignored, log }) {
        checkPrompt(body.systemPrompt, config.limits.systemPromptMaxBytes, '/systemPrompt');
        if (ignored.length > 0)
          log.info({ ignored: ignored.slice(0, 100) }, 'unknown fields of /init were ignored');
        const wanted = toSessionConfig(body, config.limits.sessionIdleTimeoutMs);
        checkAdmission(caller, wanted, config.documents);
        parseRules(wanted.rules, '/rules', { isAlone: config.auth === 'none', auditDays: config.auditDays });
        // Rejects now, and not with the first task, when a device is unknown or not the caller's.
        await devices.requireAll(wanted.devices ?? [], caller.id, '/devices');
        const id = await sessions.create(wanted, caller);
        const warnings = [
          ...ignoredFieldWarnings(initSchema, ignored),
          // The session is open: it is not refused for want of a warning.
          ...(await parts.entryWarnings(wanted.documents, caller.id).catch(() => [])),
        ];
        return { id, ...(warnings.length > 0 && { warnings }) };
      },
    }),
    // An array, not pages: that is the seed's shape. A long session has a long answer.
    route({
      method: 'GET',
      path: '/api/history',
      summary: 'All envelopes of a session since it was opened or cleared, oldest first.',
      access: 'look',
      query: historyQuery,
      answer: { type: 'array', items: envelopeSchema },
      async handle({ query: { id, last }, caller }) {
        const session = await sessions.find(id, caller);
        const pages = last === undefined ? session.pages() : lastPages(session, Number(last));
        return envelopesIn(session.id, pages, () => sessions.find(id, caller));
      },
    }),
    ...both((method) =>
      route({
        method,
        path: '/api/stop',
        summary: 'Stops a task of a session, or all of them.',
        access: 'stop',
        stops: true,
        changes: 'for programs',
        query: stopQuery,
        answer: idAnswer,
        async handle({ query, caller }) {
          const session = await sessions.find(query.id, caller);
          await session.stop(query.taskId);
          return { id: session.id, ...(query.taskId !== undefined && { taskId: query.taskId }) };
        },
      }),
    ),
    ...both((method) =>
      route({
        method,
        path: '/api/clear',
        summary: 'Stops the tasks of a session, empties its history and closes its sockets.',
        access: 'chat',
        changes: 'for programs',
        query: sessionQuery,
        answer: idAnswer,
        async handle({ query, caller }) {
          const session = await sessions.find(query.id, caller);
          await session.clear();
          return { id: session.id };
        },
      }),
    ),
    // A browser cannot send headers with a WebSocket. A ticket in the address is worth nothing once it is used.
    route({
      method: 'POST',
      path: '/api/ticket',
      summary: 'A ticket that opens one WebSocket in the name of the caller.',
      access: 'look',
      answer: {
        type: 'object',
        required: ['ticket', 'expiresInSeconds'],
        properties: { ticket: { type: 'string' }, expiresInSeconds: { type: 'integer' } },
      },
      handle: ({ caller }: Call) => access.issueTicket(caller),
    }),
  ];
}

/**
 * The envelopes of the lines of each page. Rejects when the session is cleared or removed meanwhile: old lines would stand before the new
 * first one, or the list would be too short. `findAgain` rejects when the session is gone.
 */
async function* envelopesIn(
  id: string,
  pages: AsyncIterable<Message[]>,
  findAgain: () => Promise<unknown>,
): AsyncGenerator<AgentMessage[]> {
  let isFirst = true;
  for await (const lines of pages) {
    if (!isFirst && lines[0]?.type === 'session_started')
      throw new AppError('conflict', 'The session was cleared while its history was read: read it again.');
    isFirst = false;
    yield lines.flatMap((line) => envelopesOf(id, line));
  }
  await findAgain();
}

/** The last lines of a session in pages, the oldest first. */
async function* lastPages(session: Session, count: number): AsyncGenerator<Message[]> {
  // They are read from the end, and shown from the beginning.
  const pages: Message[][] = [];
  const pause = createPauses();
  for (let left = count, before = Number.MAX_SAFE_INTEGER; left > 0;) {
    const lines = await session.read({ before }, Math.min(left, PAGE_MAX_COUNT));
    await pause();
    if (lines.length === 0) break;
    pages.push(lines.toReversed());
    left -= lines.length;
    before = lines.at(-1)!.seq;
  }
  yield* pages.toReversed();
}
