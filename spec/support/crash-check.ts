import type { AgentMessage } from '../../lib/dialects/liteagent/envelope.ts';
import { isEnd } from './crash-client.ts';
import type { CrashClient } from './crash-client.ts';
import type { CrashDevice } from './crash-device.ts';
import type { Crash } from './crash-nodes.ts';

/** A task that a client was told is accepted. */
export interface AcceptedTask {
  taskId: string;
  rounds: number;
  /** When a stop of it was answered, where one was asked for; ms since the epoch. */
  stoppedAt?: number;
}

export interface CheckedSession {
  history: readonly AgentMessage[];
  tasks: readonly AcceptedTask[];
  clients: readonly CrashClient[];
}

/** What holds however often nodes die; each thing that does not is one line. Also which results say that nobody knows. */
export function checkSession(
  { history, tasks, clients }: CheckedSession,
  device: CrashDevice,
  crashes: readonly Crash[],
): { faults: string[]; unknown: number } {
  const results = checkResults(history, device, crashes);
  const faults = [
    ...checkNumbers(history),
    ...clients.flatMap((client, index) => checkSeen(client, history, index)),
    ...tasks.flatMap((task) => checkTask(task, history)),
    ...checkApprovals(history),
    ...results.faults,
  ];
  return { faults, unknown: results.unknown };
}

/** Lines behind the envelopes are numbered from 1 without gaps, envelopes rise. */
function checkNumbers(history: readonly AgentMessage[]): string[] {
  const faults: string[] = [];
  let line = 0;
  let seq = 0;
  for (const envelope of history) {
    const next = Math.floor(envelope.seq / 8);
    if (next !== line && next !== line + 1) faults.push(`the log jumps from line ${line} to ${next}`);
    if (envelope.seq <= seq) faults.push(`position ${envelope.seq} comes after ${seq}`);
    line = next;
    seq = envelope.seq;
  }
  return faults;
}

/** A client saw what the history says from its first envelope on: in order, once, to the end. */
function checkSeen({ seen, faults }: CrashClient, history: readonly AgentMessage[], index: number): string[] {
  const first = seen[0]?.seq ?? Infinity;
  const wanted = history.filter(({ seq, from }) => seq >= first && from !== 'system');
  const at = wanted.findIndex((envelope, place) => JSON.stringify(envelope) !== JSON.stringify(seen[place]));
  const differs =
    at < 0 && wanted.length === seen.length
      ? []
      : [
          `client ${index} saw ${seen.length} envelopes where the history has ${wanted.length}; first difference at ` +
            `${at}: saw ${outline(seen[at < 0 ? wanted.length : at])}, history ${outline(wanted[at])}`,
        ];
  return [...faults.map((fault) => `client ${index}: ${fault}`), ...differs];
}

function outline(envelope: AgentMessage | undefined): string {
  if (!envelope) return 'nothing';
  return `${envelope.seq} ${envelope.from}→${envelope.to} ${JSON.stringify(envelope.message).slice(0, 80)}`;
}

/** An accepted task began once, ended once and last, decided once a round, and a stop that was answered held. */
function checkTask({ taskId, rounds, stoppedAt }: AcceptedTask, history: readonly AgentMessage[]): string[] {
  const own = history.filter((envelope) => envelope.taskId === taskId);
  const ends = own.filter(isEnd);
  const faults: string[] = [];
  const fault = (text: string): void => void faults.push(`task ${taskId} ${text}`);
  if (ends.length !== 1) fault(`has ${ends.length} ends`);
  const last = own.at(-1);
  if (!last || !isEnd(last)) fault('does not end with its end');
  if (last?.error) fault(`failed: ${last.error.code} ${last.error.message}`);
  const starts = own.filter(({ message }) => message === '[TASK_START]').length;
  const decisions = own.filter(({ from, type }) => from === 'llm' && type === 'functionCallList');
  const done = last?.message === '[TASK_DONE]';
  if (!done && stoppedAt === undefined) fault('was stopped by nobody');
  if (done && (starts !== 1 || decisions.length !== rounds))
    fault(`began ${starts} times and decided ${decisions.length} times instead of ${rounds}`);
  if (starts > 1 || decisions.length > rounds) fault('began or decided too often');
  if (stoppedAt !== undefined && decisions.some(({ createTime }) => timeOf(createTime) > stoppedAt))
    fault('decided something after its stop was answered');
  const asked = decisions.flatMap(({ message }) => (message as { id: string }[]).map(({ id }) => id));
  const given = own.flatMap(({ to, type, message }) =>
    to === 'agent' && type === 'toolReturn' ? [(message as { id: string }).id] : [],
  );
  if (new Set(given).size !== given.length) fault('has two results for one call');
  if (done && given.toSorted().join() !== asked.toSorted().join()) fault('has calls without results');
  return faults;
}

/** Every approval that was asked for was decided once, or stopped. */
function checkApprovals(history: readonly AgentMessage[]): string[] {
  const idsOf = (wanted: string): string[] =>
    history.flatMap(({ type, message }) => (type === wanted ? [(message as { id: string }).id] : []));
  const [asked, decided] = [idsOf('approvalRequest'), idsOf('approvalResult')];
  const faults = [
    ...asked
      .filter((id) => !decided.includes(id))
      .map((id) => `the approval ${id} was asked for, and never decided`),
    ...decided
      .filter((id) => !asked.includes(id))
      .map((id) => `the approval ${id} was decided, and never asked for`),
  ];
  if (new Set(asked).size < asked.length) faults.push('an approval was asked for twice');
  if (new Set(decided).size < decided.length) faults.push('an approval was decided twice');
  if (faults.length === 0) return [];
  return [...faults, ...history.slice(-6).map((line) => JSON.stringify(line))];
}

/** What a result says of a write is true; "nobody knows" is said only when a node died or stalled meanwhile. */
function checkResults(
  history: readonly AgentMessage[],
  device: CrashDevice,
  crashes: readonly Crash[],
): { faults: string[]; unknown: number } {
  const faults: string[] = [];
  const decided = new Map<string, number>();
  let unknown = 0;
  for (const { from, to, type, message, createTime } of history) {
    if (from === 'llm' && type === 'functionCallList')
      for (const { id } of message as { id: string }[]) decided.set(id, timeOf(createTime));
    if (to !== 'agent' || type !== 'toolReturn') continue;
    const { id, result } = message as unknown as { id: string; result: Result };
    const key = id.replace('call-', '');
    const code = result.error?.code;
    if (code === 'cancelled' || code === 'stopped') {
      if (device.writes.has(key)) faults.push(`${id} is called ${code}; the device saw it`);
      continue;
    }
    if (key.endsWith('.r')) {
      if (result.statusCode !== 200) faults.push(`the read ${id} came to ${JSON.stringify(result)}`);
      continue;
    }
    const times = device.writes.get(key)?.length ?? 0;
    if (result.statusCode === 200 && !result.error) {
      if (times === 0) faults.push(`the result of ${id} says it was done; the device never saw it`);
    } else if (code === 'not_sent') {
      // A node that stood still sends no write any more (core/tool.ts: CallContext.mayLeave).
      if (times > 0) faults.push(`${id} is called not sent; the device saw it ${times} times`);
    } else if (result.error?.effect === 'unknown') {
      unknown += 1;
      const since = decided.get(id) ?? 0;
      const until = timeOf(createTime);
      if (!crashes.some((crash) => crash.from <= until && crash.to >= since)) {
        const last = crashes.findLast((crash) => crash.to < since);
        const before = last ? `the last, ${last.how}, was over ${since - last.to} ms before` : 'nor before';
        faults.push(
          `the outcome of ${id} is unknown, and no node died in those ${until - since} ms; ${before}: ${JSON.stringify(result)}`,
        );
      }
    } else faults.push(`the result of ${id} is ${JSON.stringify(result)}, the device saw it ${times} times`);
  }
  return { faults, unknown };
}

interface Result {
  statusCode?: number;
  error?: { code: string; effect: string };
}

/** `2023-06-18T15:45:30.000+0800` in ms since the epoch. */
function timeOf(createTime: string): number {
  return Date.parse(createTime.replace(/(\d\d)(\d\d)$/, '$1:$2'));
}
