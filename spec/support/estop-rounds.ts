import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { randomUUID } from 'node:crypto';
import { openChat, type Chat } from './app.ts';
import { openCommandNodes, type NodeCaller } from './command-nodes.ts';
import { startCrashDevice } from './crash-device.ts';
import { sentenceOf, startCrashModel } from './crash-model.ts';
import { openLamp } from './lamp.ts';
import { waitFor } from './wait-for.ts';

/** The nodes, and how many tasks run on each when a stop is engaged. */
const NODES = 3;
/** So many rounds of calls that no task ends by itself. */
const ROUNDS_OF_CALLS = 40;

/** A report of emergency stops under load. */
export interface EstopReport {
  /** Writes that left a node after a stop was answered. */
  late: number;
  /** Writes that the device got more than once. */
  repeated: number;
  /** How the tasks ended. */
  ends: Record<string, number>;
  /** The codes of writes that were tried while a stop was engaged. */
  refusals: Record<string, number>;
  /** How often the safe state was sent. */
  safeStates: number;
  /** Ms from each request to its answer. */
  answerMs: number[];
  /** Ms from each request to the last head of a write that left a node; 0 when none left after the request. */
  lastByteMs: number[];
}

/** Engages and releases an emergency stop of everything, again and again, while tasks on three nodes write to a device. */
export async function runEstops(rounds: number, tasksPerNode: number): Promise<EstopReport> {
  const nodes = await openCommandNodes(NODES);
  const [model, device, lamp] = [
    await startCrashModel(() => 5),
    await startCrashDevice(() => 5),
    await openLamp(),
  ];
  let sends = 0;
  let lastSendAt = 0;
  const onSend = (message: unknown): void => {
    if ((message as { request: { path: string } }).request.path !== '/write') return;
    sends += 1;
    lastSendAt = performance.now();
  };
  subscribe('undici:client:sendHeaders', onSend);
  const report: EstopReport = {
    late: 0,
    repeated: 0,
    ends: {},
    refusals: {},
    safeStates: 0,
    answerMs: [],
    lastByteMs: [],
  };
  const count = (counts: Record<string, number>, key = 'none'): void => {
    counts[key] = (counts[key] ?? 0) + 1;
  };
  const root = await nodes.caller('root', 'admin');
  const ann = await nodes.caller('ann');
  const post = <T>(node: number, { token }: NodeCaller, path: string, body: object, status = 200) =>
    nodes.on(node).ok<T>(status, 'POST', path, { token, body });

  /** A task that writes all the time, on a node. */
  async function startTask(node: number): Promise<Chat> {
    const llmConfig = { baseUrl: model.baseUrl, apiKey: 'none', model: 'crash' };
    const { id } = await post<{ id: string }>(node, ann, '/api/init', { llmConfig, devices: ['plant'] });
    const { ticket } = await post<{ ticket: string }>(node, ann, '/api/ticket', {});
    const url = nodes.apps[node]!.url.replace('http', 'ws');
    const chat = await openChat(`${url}/api/chat?id=${id}&ticket=${ticket}`);
    chat.say(sentenceOf(randomUUID(), ROUNDS_OF_CALLS, 2));
    await chat.until(() => chat.seen.some(({ type }) => type === 'toolReturn'));
    return chat;
  }

  async function runRound(round: number): Promise<void> {
    const chats = await Promise.all(
      Array.from({ length: NODES * tasksPerNode }, (_, at) => startTask(at % NODES)),
    );
    const startedAt = performance.now();
    await post(round % NODES, ann, '/api/estop', { scope: 'all', reason: `round ${round}` });
    const atAnswer = sends;
    report.answerMs.push(performance.now() - startedAt);
    await Promise.all(chats.map((chat) => chat.tasksEnded(1)));
    for (const { seen } of chats) count(report.ends, seen.at(-1)?.error?.code);
    for (let node = 0; node < NODES; node += 1) {
      const { error } = await post<{ error?: { code: string } }>(
        node,
        ann,
        '/api/devices/plant/tools/write',
        { arguments: { id: randomUUID() } },
      );
      count(report.refusals, error?.code);
    }
    await waitFor(() => lamp.seen.length === round + 1);
    report.late += sends - atAnswer;
    report.lastByteMs.push(Math.max(0, lastSendAt - startedAt));
    await post((round + 1) % NODES, root, '/api/estop/release', { scope: 'all', reason: 'over' });
    for (const chat of chats) await chat.close();
  }

  try {
    await post(0, root, '/api/devices', { name: 'plant', openSpec: device.document }, 201);
    const safeState = [{ tool: 'set_brightness', arguments: { brightness: 1 } }];
    await post(0, root, '/api/devices', { ...lamp.registration('lamp'), safeState }, 201);
    for (let round = 0; round < rounds; round += 1) await runRound(round);
    report.safeStates = lamp.seen.length;
    report.repeated = [...device.writes.values()].filter((times) => times.length > 1).length;
    return report;
  } finally {
    unsubscribe('undici:client:sendHeaders', onSend);
    await nodes.close();
    await Promise.all([model.close(), device.close(), lamp.close()]);
  }
}
