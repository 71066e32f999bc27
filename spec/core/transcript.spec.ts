import { expect } from 'chai';
import type { MessageBody } from '../../lib/core/message.ts';
import { Transcript } from '../../lib/core/transcript.ts';

const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };
const user = (taskId: string, text: string): MessageBody => ({
  type: 'task_started',
  taskId,
  form: 'text',
  content: [{ type: 'text', text }],
});
const reply = (taskId: string, text: string, callIds: string[] = [], promptTokens = 0): MessageBody => ({
  type: 'model_reply',
  taskId,
  text,
  calls: callIds.map((callId) => ({ callId, name: 'tool', arguments: {} })),
  completion: { id: 'r', model: 'm', usage: { ...usage, promptTokens } },
});
const result = (taskId: string, callId: string, body: string): MessageBody => ({
  type: 'tool_result',
  taskId,
  callId,
  result: { body },
  roundDone: true,
});
const end = (taskId: string): MessageBody => ({ type: 'task_ended', taskId, status: 'done' });

function transcriptOf(...bodies: MessageBody[]) {
  const transcript = new Transcript();
  bodies.forEach((body, index) => transcript.add({ ...body, seq: index + 1, time: 0 }));
  return transcript;
}
const outline = (lines: ReturnType<Transcript['view']>): string[] =>
  lines.map((line) => {
    if (line.role === 'system') return 'system';
    if (line.role === 'user')
      return `user ${line.content.map((part) => (part.type === 'text' ? part.text.slice(0, 3) : '')).join()}`;
    if (line.role === 'assistant')
      return `assistant ${line.text.slice(0, 3)}${line.calls.map(({ callId }) => callId).join()}`;
    return `tool ${line.callId}`;
  });

describe('the transcript', () => {
  const long = 'x'.repeat(4000); // about 1,000 tokens
  const started: MessageBody = { type: 'session_started', systemPrompt: 'Be kind.' };

  it('shows every line while they fit', () => {
    const transcript = transcriptOf(started, user('a', 'one'), reply('a', 'two'), end('a'), user('b', 'thr'));
    expect(outline(transcript.view('b', 100_000))).to.deep.equal([
      'system',
      'user one',
      'assistant two',
      'user thr',
    ]);
  });

  it('leaves out whole tasks first, the oldest first', () => {
    const lines = ['a', 'b', 'c'].flatMap((id) => [
      user(id, id + long),
      reply(id, '', [`${id}1`]),
      result(id, `${id}1`, long),
      reply(id, 'ok'),
      end(id),
    ]);
    const transcript = transcriptOf(started, ...lines, user('d', 'now'));
    expect(outline(transcript.view('d', 5000))).to.deep.equal([
      'system',
      'user bxx',
      'assistant b1',
      'tool b1',
      'assistant ok',
      'user cxx',
      'assistant c1',
      'tool c1',
      'assistant ok',
      'user now',
    ]);
  });

  it('then leaves out the oldest rounds of the task itself, never a call without its result, never the last round', () => {
    const rounds = ['1', '2', '3'].flatMap((id) => [reply('a', '', [id]), result('a', id, long)]);
    const transcript = transcriptOf(started, user('a', 'now'), ...rounds);
    expect(outline(transcript.view('a', 2500))).to.deep.equal([
      'system',
      'user now',
      'assistant 2',
      'tool 2',
      'assistant 3',
      'tool 3',
    ]);
    expect(outline(transcript.view('a', 10))).to.deep.equal(['system', 'user now', 'assistant 3', 'tool 3']);
  });

  it('learns the ratio between the estimate and the token count of the model', () => {
    const bodies = [
      started,
      user('a', long.repeat(6)),
      reply('a', '', ['1']),
      result('a', '1', long.repeat(3)),
    ];
    const transcript = transcriptOf(...bodies);
    transcript.view('a', 100_000);
    const twice = reply('a', '', ['2'], 18_000); // twice what was estimated
    [twice, result('a', '2', long)].forEach((body, index) =>
      transcript.add({ ...body, seq: bodies.length + index + 1, time: 0 }),
    );
    expect(outline(transcript.view('a', 18_000))).to.deep.equal([
      'system',
      'user xxx',
      'assistant 2',
      'tool 2',
    ]);
  });

  describe('of a stored agent', () => {
    const failed = (taskId: string): MessageBody => ({ type: 'task_ended', taskId, status: 'failed' });
    const turns = ['a', 'b', 'c'].flatMap((id) => [user(id, id), reply(id, `${id}!`), end(id)]);
    const now = user('d', 'now');
    const view = (turnsMaxCount: number, ...lines: MessageBody[]): string[] =>
      outline(transcriptOf(started, ...lines, now).view('d', 100_000, { system: '', turnsMaxCount }));

    it('has the prompt of the agent in front', () => {
      const transcript = transcriptOf(started, now);
      expect(transcript.view('d', 1000, { system: 'Be brief.' })[0]).to.deep.equal({
        role: 'system',
        text: 'Be brief.',
      });
      expect(outline(transcript.view('d', 1000, { system: '' }))).to.deep.equal(['user now']);
    });

    it('shows the last answered turns, and between them the calls of others', () => {
      const called = [user('x', 'x'), reply('x', '', ['1']), result('x', '1', ''), failed('x')];
      const idle = [user('y', 'y'), failed('y')];
      expect(view(0, ...turns, ...called)).to.deep.equal(['user now']);
      expect(view(1, ...turns, ...idle, ...called)).to.deep.equal([
        'user c',
        'assistant c!',
        'user x',
        'assistant 1',
        'tool 1',
        'assistant (Th',
        'user now',
      ]);
      expect(view(2, ...turns.slice(0, 3), ...called, ...turns.slice(3))).to.deep.equal([
        'user x',
        'assistant 1',
        'tool 1',
        'assistant (Th',
        'user b',
        'assistant b!',
        'user c',
        'assistant c!',
        'user now',
      ]);
      expect(view(9, ...turns)).to.have.length(7);
    });

    it('neither counts nor shows a turn that was removed', () => {
      const called = [
        user('e', 'e'),
        reply('e', '', ['1']),
        result('e', '1', ''),
        reply('e', 'e!'),
        end('e'),
      ];
      const removed: MessageBody[] = [
        { type: 'message_marked', of: [14], part: 'answer', mark: { removed: true } },
        { type: 'message_marked', of: [11], part: 'said', mark: { removed: true } },
      ];
      expect(view(1, ...turns, ...called)).to.deep.equal([
        'user e',
        'assistant 1',
        'tool 1',
        'assistant e!',
        'user now',
      ]);
      expect(view(1, ...turns, ...called, ...removed)).to.deep.equal(['user c', 'assistant c!', 'user now']);
    });
  });

  it('shows a reply with its provider part', () => {
    const provider = { origin: 'http://endpoint m', data: { signature: 'abc' } };
    const decision: MessageBody = { ...reply('a', '', ['1']), provider } as MessageBody;
    const transcript = transcriptOf(started, user('a', 'go'), decision, result('a', '1', 'x'));
    expect(transcript.view('a', 1000)[2]).to.deep.include({ role: 'assistant', provider });
  });

  it('takes a line only once', () => {
    const transcript = transcriptOf(started, user('a', 'one'));
    transcript.add({ ...user('a', 'two'), seq: 2, time: 0 });
    expect(outline(transcript.view('a', 1000))).to.deep.equal(['system', 'user one']);
  });
});
