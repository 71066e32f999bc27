import { expect } from 'chai';
import { toFile } from 'openai';
import type OpenAI from 'openai';
import { line, openChat } from '../support/app.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../support/model-server.ts';
import { openHouse } from '../support/scenario.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../support/threads.ts';

type Message = OpenAI.Beta.Threads.Message;

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const wav = Buffer.from('524946462400000057415645666d7420100000000100010044ac000088580100', 'hex');

describe('a thread moves a device', () => {
  const steps: ModelServerStep[] = [];
  let model: ModelServer;
  let server: ThreadServer;
  let ada: Caller;
  before(async () => {
    model = await startModelServer(steps);
    server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'sk-x', THREAD_AUTO_REPLY: '1' });
    ada = await server.caller('ada');
  });
  after(async () => {
    await server.close();
    await model.close();
    expect(server.complaints).to.deep.equal([]);
  });

  const textOf = ({ content }: Message): string =>
    content.map((part) => (part.type === 'text' ? part.text.value : part.type)).join('|');
  const say = (thread: string, body: object): Promise<Message> =>
    ada.openai.post(`/threads/${thread}/messages`, { body: { role: 'user', ...body } });
  /** The thread's messages, oldest first, once the agent has answered. */
  async function answered(thread: string): Promise<Message[]> {
    for (;;) {
      const { data } = await ada.openai.beta.threads.messages.list(thread, { order: 'asc', limit: 100 });
      if (data.at(-1)?.role === 'assistant' && data.at(-1)?.status !== 'in_progress') return data;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  /** What the model was told last, and the names of what it was offered. */
  function told(): { messages: unknown; tools: string[] } {
    const { messages, tools = [] } = model.requests.at(-1)!.body as {
      messages: unknown;
      tools?: { function: { name: string } }[];
    };
    return { messages, tools: tools.map((tool) => tool.function.name) };
  }

  it('that /init made: its tools answer, and its sockets see the same turn', async () => {
    const house = await openHouse();
    try {
      const init = await ada.call('POST', '/api/init', { openSpecList: house.documents });
      const { id } = init.body as { id: string };
      const thread = `thread_${id.replaceAll('-', '')}`;
      const chat = await openChat(`${server.url.replace('http', 'ws')}/api/chat?id=${id}`);
      steps.push(
        { calls: [{ name: 'robot_moveToShelf', arguments: { shelf: 7 } }] },
        { text: 'It is there.' },
      );
      await say(thread, { content: 'Send the robot to shelf 7.' });
      await chat.tasksEnded(1);
      const messages = await answered(thread);
      expect(messages.map((message) => [message.role, textOf(message)])).to.deep.equal([
        ['user', 'Send the robot to shelf 7.'],
        ['assistant', 'It is there.'],
      ]);
      expect(house.devices.find(({ name }) => name === 'robot')!.device.state()).to.contain('7');
      const lines = chat.seen.map(line);
      expect(lines.slice(0, 3)).to.deep.equal([
        'AGENT -> CLIENT: [text] [TASK_START]',
        'USER -> AGENT: [text] Send the robot to shelf 7.',
        'AGENT -> LLM: [text] Send the robot to shelf 7.',
      ]);
      expect(lines.slice(-3)).to.deep.equal([
        'LLM -> AGENT: [text] It is there.',
        'AGENT -> USER: [text] It is there.',
        'AGENT -> CLIENT: [text] [TASK_DONE]',
      ]);
      expect(told().tools).to.include.members(['robot_moveToShelf', 'memory_todo_add']);
      // What is said on the socket is listed too; there the agent has the devices alone.
      steps.push({ text: 'You are welcome.' });
      chat.say('Thanks!');
      await chat.tasksEnded(2);
      expect((await answered(thread)).map(textOf).slice(2)).to.deep.equal(['Thanks!', 'You are welcome.']);
      expect(told().tools).to.not.include('memory_todo_add');
      await ada.openai.beta.threads.delete(thread);
      await chat.until(() => chat.closed !== undefined);
      expect(chat.closed).to.equal(4404);
    } finally {
      await house.close();
    }
  });

  it('of its own: the agent reads and changes what it knows of the user', async () => {
    const { id } = await ada.openai.beta.threads.create({});
    steps.push(
      { calls: [{ name: 'memory_config_update', arguments: { patch: { name: 'Ada' } } }] },
      { calls: [{ name: 'memory_todo_add', arguments: { task: 'Water the plants', trigger: 'Monday' } }] },
      { text: 'I will remind you, Ada.' },
    );
    await say(id, { content: 'I am Ada. Remind me to water the plants on Monday.' });
    expect(textOf((await answered(id)).at(-1)!)).to.equal('I will remind you, Ada.');
    const config = (await ada.call('GET', '/v1/memory/config')).body as { data: object };
    expect(config.data).to.deep.equal({ name: 'Ada' });
    const todo = (await ada.call('GET', '/v1/memory/todo')).body as { data: { task: string }[] };
    expect(todo.data.map(({ task }) => task)).to.deep.equal(['Water the plants']);
  });

  it('with pictures and voice: the model sees and hears them', async () => {
    const { id } = await ada.openai.beta.threads.create({});
    const [picture, voice] = await Promise.all([
      ada.openai.files.create({ file: await toFile(png, 'lamp.png'), purpose: 'vision' }),
      ada.openai.files.create({ file: await toFile(wav, 'please.wav'), purpose: 'assistants' }),
    ]);
    steps.push({ text: 'A lamp.' });
    const said = await say(id, {
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image_file', image_file: { file_id: picture.id, detail: 'low' } },
      ],
      attachments: [{ file_id: voice.id, tools: [{ type: 'file_search' }] }],
    });
    expect(said.content[1]).to.deep.equal({
      type: 'image_file',
      image_file: { file_id: picture.id, detail: 'low' },
    });
    expect(said.attachments).to.deep.equal([{ file_id: voice.id, tools: [{ type: 'file_search' }] }]);
    await answered(id);
    expect(told().messages).to.deep.equal([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          {
            type: 'image_url',
            image_url: { url: `data:image/png;base64,${png.toString('base64')}`, detail: 'low' },
          },
          { type: 'input_audio', input_audio: { data: wav.toString('base64'), format: 'wav' } },
        ],
      },
    ]);
  });

  it('not unasked when the message says so, nor after a message in the name of the agent', async () => {
    const { id } = await ada.openai.beta.threads.create({});
    const asked = model.requests.length;
    await ada.call('POST', `/v1/threads/${id}/messages?run=false`, { role: 'user', content: 'a note' });
    await ada.call('POST', `/v1/threads/${id}/messages`, { role: 'assistant', content: 'noted' });
    const { data } = await ada.openai.beta.threads.messages.list(id);
    expect(data.map(textOf)).to.deep.equal(['noted', 'a note']);
    expect(model.requests.length).to.equal(asked);
  });
});
