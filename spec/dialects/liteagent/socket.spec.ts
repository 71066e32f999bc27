import { expect } from 'chai';
import type { MessageBody } from '../../../lib/core/message.ts';
import { AppError } from '../../../lib/errors.ts';
import type { AgentMessage } from '../../../lib/dialects/liteagent/envelope.ts';
import type { FakeSession } from '../../support/fake-sessions.ts';
import { openTestServer, type TestServer, type TestSocket } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';

const taskId = '0b127f1d-4667-4a52-bbcb-0b636f9a471a';
const done = { type: 'task_ended', taskId, status: 'done' } as const;
const result: MessageBody = {
  type: 'tool_result',
  taskId,
  callId: 'c',
  result: { statusCode: 200, body: 'äöü€😀' },
  roundDone: true,
};

function seqs(frames: readonly string[]): number[] {
  return frames.map((frame) => (JSON.parse(frame) as AgentMessage).seq);
}

describe('the LiteAgent socket', () => {
  let server: TestServer;
  let session: FakeSession;
  before(async () => {
    server = await openTestServer();
  });
  after(() => server.close());
  beforeEach(async () => {
    session = await server.session();
  });

  const connect = (query = ''): Promise<TestSocket> =>
    server.connect(`/api/chat?id=${session.id}${query}`).open();

  it('answers ping with pong', async () => {
    const socket = await connect();
    socket.ws.send('ping');
    expect(await socket.take(1)).to.deep.equal(['pong']);
  });

  it('passes a message to the session, and shows the task', async () => {
    const socket = await connect();
    socket.ws.send('{"type":"text","message":"on"}');
    const frames = await socket.take(3);
    expect(frames.map((frame) => (JSON.parse(frame) as AgentMessage).message)).to.deep.equal([
      '[TASK_START]',
      'on',
      'on',
    ]);
    expect(session.submitted).to.deep.equal([
      {
        form: 'text',
        content: [{ type: 'text', text: 'on' }],
        taskId: (JSON.parse(frames[0]!) as AgentMessage).taskId,
        fresh: true,
      },
    ]);
  });

  it('takes messages in the order they were sent', async () => {
    const socket = await connect();
    for (let at = 0; at < 50; at += 1) socket.ws.send(JSON.stringify({ type: 'text', message: String(at) }));
    await socket.take(150);
    expect(session.submitted.map(({ content }) => content[0])).to.deep.equal(
      Array.from({ length: 50 }, (_, at) => ({ type: 'text', text: String(at) })),
    );
  });

  it('acknowledges a task that asks for it, with the position to follow from', async () => {
    const socket = await connect();
    socket.ws.send(`{"taskId":"t1","contentList":[{"type":"text","message":"on"}],"ack":true}`);
    const frames = await socket.take(4);
    const ack = frames.find((frame) => frame.includes('"ack"'))!;
    expect(JSON.parse(ack)).to.deep.equal({ type: 'ack', taskId: 't1', seq: 15 });
    const later = await connect('&since=15');
    expect(seqs(await later.take(3))).to.deep.equal([16, 17, 18]);
  });

  it('shows every socket everything, in one order', async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => connect()));
    for (let at = 0; at < 10; at += 1) session.append(result, done);
    const all = await Promise.all(sockets.map((socket) => socket.take(50)));
    for (const frames of all) expect(frames).to.deep.equal(all[0]);
    expect(seqs(all[0]!.slice(0, 6))).to.deep.equal([16, 17, 18, 19, 24, 32]);
    expect((JSON.parse(all[0]![0]!) as AgentMessage).message).to.deep.equal({
      id: 'c',
      result: { statusCode: 200, body: 'äöü€😀' },
    });
  });

  it('shows the same envelopes in the history as on the sockets', async () => {
    const socket = await connect();
    session.append(result, done);
    const frames = await socket.take(5);
    const history = (await (await server.call(`/api/history?id=${session.id}`)).json()) as AgentMessage[];
    expect(history.map((envelope) => JSON.stringify(envelope))).to.deep.equal([
      JSON.stringify(history[0]),
      ...frames,
    ]);
    expect(history[0]).to.include({ from: 'system', to: 'agent', taskId: '', seq: 8 });
  });

  describe('with since', () => {
    it('first shows the missed messages, none twice, never the system prompt', async () => {
      session.append(result, done);
      const all = [16, 17, 18, 19, 24];
      for (const [since, expected] of [
        [0, all],
        [8, all],
        [15, all],
        [16, all.slice(1)],
        [18, all.slice(3)],
        [19, all.slice(4)],
        [23, all.slice(4)],
        [24, []],
      ] as const) {
        const socket = await connect(`&since=${since}`);
        socket.ws.send('ping');
        const frames = await socket.take(expected.length + 1);
        expect(seqs(frames.filter((frame) => frame !== 'pong')), `since ${since}`).to.deep.equal(expected);
      }
    });

    it('goes on live without a seam', async () => {
      for (let at = 0; at < 120; at += 1) session.append(done);
      const socket = await connect('&since=500');
      for (let at = 0; at < 30; at += 1) session.append(done);
      const expected = Array.from({ length: 151 - 62 }, (_, at) => (63 + at) * 8);
      expect(seqs(await socket.take(expected.length))).to.deep.equal(expected);
    });

    for (const { title, since } of [
      { title: 'just beyond', since: 24 },
      { title: 'at the end of the line after', since: 31 },
      { title: 'far beyond', since: 999_999_999_999_999 },
    ])
      it(`${title} the end of the log: an error frame, then live messages`, async () => {
        session.append(done);
        const socket = await connect(`&since=${since}`);
        session.append(done, done);
        const [error, ...live] = await socket.take(3);
        const { message, ...rest } = JSON.parse(error!) as Record<string, string>;
        expect(rest).to.deep.equal({ type: 'error', code: 'position_unknown' });
        expect(message).to.contain('/api/history');
        expect(seqs(live)).to.deep.equal([24, 32]);
      });

    it('at the end of the log: no error frame', async () => {
      session.append(done);
      for (const since of [16, 23]) {
        const socket = await connect(`&since=${since}`);
        socket.ws.send('ping');
        expect(await socket.take(1)).to.deep.equal(['pong']);
      }
    });

    it('without it shows live messages only', async () => {
      session.append(done);
      const socket = await connect();
      session.append(done);
      expect(seqs(await socket.take(1))).to.deep.equal([24]);
    });
  });

  it('shows partial text to every socket, in order, before later messages', async () => {
    const [one, two] = [await connect(), await connect()];
    session.say(taskId, 'It ');
    session.say(taskId, 'is on.');
    session.append(done);
    const chunks = ['It ', 'is on.'].map((part) => JSON.stringify({ type: 'chunk', taskId, part }));
    for (const socket of [one, two]) expect((await socket.take(3)).slice(0, 2)).to.deep.equal(chunks);
    const history = (await (await server.call(`/api/history?id=${session.id}`)).json()) as AgentMessage[];
    expect(history).to.have.length(2);
  });

  describe('answers with one error frame, and stays open, to', () => {
    async function errorTo(data: string | Buffer): Promise<unknown> {
      const socket = await connect();
      socket.ws.send(data, { binary: Buffer.isBuffer(data) });
      socket.ws.send('ping');
      const [error, pong] = await socket.take(2);
      expect(pong).to.equal('pong');
      expect(session.submitted).to.deep.equal([]);
      return JSON.parse(error!);
    }
    const invalid = (message: string) => ({ type: 'error', code: 'invalid_request', message });

    it('a frame that is not JSON', async () => {
      expect(await errorTo('{"type"')).to.deep.equal(
        invalid('Not JSON: the text ends too early at position 7 (line 1, column 8).'),
      );
    });
    it('a frame of no known form', async () => {
      expect(await errorTo('{"type":"video","message":"x"}')).to.deep.equal(
        invalid('The message is not valid: /type must be one of text, imageUrl.'),
      );
    });
    it('a binary frame', async () => {
      expect(await errorTo(Buffer.from('ping'))).to.deep.equal(
        invalid('Binary frames are not taken: send JSON as text.'),
      );
    });
    it('a frame over the limit', async () => {
      const text = JSON.stringify({ type: 'text', message: 'x'.repeat(1024 * 1024) });
      expect(await errorTo(text)).to.deep.equal(invalid('The message is larger than 1048576 bytes.'));
    });
  });

  it('takes a frame at the limit', async () => {
    const socket = await connect();
    const text = JSON.stringify({ type: 'text', message: '' });
    socket.ws.send(text.replace('""', `"${'x'.repeat(1024 * 1024 - text.length)}"`));
    await socket.take(3);
    expect(session.submitted).to.have.length(1);
  });

  it('closes with 1009 above 16 MiB only', async () => {
    const socket = await connect();
    socket.ws.send('x'.repeat(16 * 1024 * 1024));
    await socket.take(1);
    socket.ws.send('x'.repeat(16 * 1024 * 1024 + 1));
    expect((await socket.closed).code).to.equal(1009);
  });

  it('reports a rejected task by its id, and other refused frames', async () => {
    const socket = await connect();
    session.failNext(new AppError('task_rejected', 'The session is busy.'));
    socket.ws.send('{"taskId":"t1","contentList":[{"type":"text","message":"on"}]}');
    expect(JSON.parse((await socket.take(1))[0]!)).to.deep.equal({
      type: 'error',
      code: 'task_rejected',
      message: 'The session is busy.',
      taskId: 't1',
    });
    session.failNext(new AppError('task_rejected', 'The session is busy.'));
    socket.ws.send('{"type":"text","message":"on"}');
    const second = JSON.parse((await socket.take(2))[1]!) as { taskId: string };
    expect(second.taskId).to.equal(session.submitted.at(-1)?.taskId);
    session.failNext(new RangeError('a secret of ours'));
    socket.ws.send('{"taskId":"t2","contentList":[{"type":"text","message":"on"}]}');
    expect(JSON.parse((await socket.take(3))[2]!)).to.deep.equal({
      type: 'error',
      code: 'internal',
      message: 'The server failed; its log says why.',
      taskId: 't2',
    });
    expect(server.log.find(({ level }) => level === 'error')?.fields.err).to.be.instanceOf(RangeError);
  });

  for (const [reason, code] of [
    ['cleared', 1000],
    ['expired', 4408],
    ['removed', 4404],
    ['draining', 1012],
  ] as const)
    it(`closes with ${code} when the session is ${reason}, after all that was said`, async () => {
      const socket = await connect();
      session.say(taskId, 'bye');
      session.append(done);
      session.end(reason);
      expect((await socket.closed).code).to.equal(code);
      expect(socket.frames).to.have.length(2);
    });

  it('leaves the session when its client goes, or vanishes', async () => {
    const [one, two] = [await connect(), await connect()];
    expect(session.followers).to.equal(2);
    one.ws.close();
    two.ws.terminate();
    await Promise.all([one.closed, two.closed]);
    await waitFor(() => session.followers === 0);
    expect(session.followers).to.equal(0);
    session.append(done);
  });

  it('is closed by /clear, which leaves the session', async () => {
    const socket = await connect();
    const response = await server.call(`/api/clear?id=${session.id}`);
    expect([response.status, await response.json()]).to.deep.equal([200, { id: session.id }]);
    expect(await socket.closed).to.deep.equal({ code: 1000, reason: 'cleared' });
    const again = await connect();
    session.append(done);
    expect(seqs(await again.take(1))).to.deep.equal([24]);
  });
});
