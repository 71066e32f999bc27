import { isObject, type JsonObject } from '../../common/json.ts';
import type { CallContext, CallNotice } from '../../core/tool.ts';
import type { McpRequest, OnServerMessage } from './link.ts';

type OnNotice = NonNullable<CallContext['onNotice']>;

/** More notices about one request are dropped: a server may repeat itself without end. */
const NOTICES_MAX_COUNT = 100;
/** The levels of a log [MCP 2025-11-25, Logging: those of RFC 5424]. */
const LEVELS = new Set<unknown>([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]);

/** The parameters of a request. A server sends the progress of a request that has a token; the id of the request is the token. */
export function paramsOf({ params, onNotice }: McpRequest, id: number): JsonObject {
  return onNotice ? { ...params, _meta: { progressToken: id } } : params;
}

/** Finds the notices about the request with this id among the messages of a server. */
export function createNoticeReader(id: number, onNotice: OnNotice): OnServerMessage {
  let count = 0;
  return (message) => {
    const notice = count < NOTICES_MAX_COUNT ? noticeIn(message, id) : undefined;
    if (!notice) return;
    count += 1;
    onNotice(notice);
  };
}

function noticeIn({ method, params }: JsonObject, id: number): CallNotice | undefined {
  if (!isObject(params)) return undefined;
  if (method === 'notifications/progress' && params['progressToken'] === id) return progressIn(params);
  return method === 'notifications/message' ? logIn(params) : undefined;
}

function progressIn({ progress, total, message }: JsonObject): CallNotice | undefined {
  if (!Number.isFinite(progress)) return undefined; // a number past the range is no JSON on its way out
  return {
    type: 'progress',
    progress: progress as number,
    ...(Number.isFinite(total) && { total: total as number }),
    ...(typeof message === 'string' && { message }),
  };
}

function logIn({ level, data = null }: JsonObject): CallNotice | undefined {
  return LEVELS.has(level) ? { type: 'log', level: level as string, data } : undefined;
}
