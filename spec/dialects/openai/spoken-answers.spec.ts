import { expect } from 'chai';
import type { ServerResponse } from 'node:http';
import type OpenAI from 'openai';
import { openLampWorld, setLamp, type LampWorld } from '../../support/lamp-world.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('an answer that the model is speaking', () => {
  let world: LampWorld;
  let client: OpenAI;
  before(async () => {
    world = await openLampWorld();
    client = world.ada.openai;
  });
  after(() => world.close());

  /** A reply of the model, whose pieces a spec lets go one by one. */
  function speech(): { say(text: string, finish?: string): void; begun(): boolean } {
    let stream: ServerResponse | undefined;
    world.steps.push({
      answer(response) {
        stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
        stream.flushHeaders();
      },
    });
    return {
      begun: () => stream !== undefined,
      say(content, finish) {
        const choices = [{ index: 0, delta: { content }, finish_reason: finish ?? null }];
        stream!.write(`data: ${JSON.stringify({ id: 'c', model: 'm', choices })}\n\n`);
        if (finish) stream!.end('data: [DONE]\n\n');
      },
    };
  }

  /** Says a text in two pieces; `read` reads the text as a client sees it. */
  async function follow<T>(spoken: ReturnType<typeof speech>, read: () => Promise<T>) {
    const until = async (wanted: T) => {
      let seen: T | undefined;
      await waitFor(async () => {
        seen = await read();
        return JSON.stringify(seen) === JSON.stringify(wanted);
      }).catch(() => expect(seen).to.deep.equal(wanted));
    };
    await waitFor(spoken.begun);
    return until;
  }

  it('is in the messages of a thread with its text so far, also after a call', async () => {
    const { id } = (await world.ada.call('POST', '/v1/threads', world.devices)).body as { id: string };
    world.steps.push(setLamp(true, 'Wait.'));
    const spoken = speech();
    await client.post(`/threads/${id}/messages?run=true`, { body: { role: 'user', content: 'Light!' } });
    const until = await follow(spoken, async () => {
      const { data } = await client.beta.threads.messages.list(id);
      const [message] = data;
      const one = await client.beta.threads.messages.retrieve(message!.id, { thread_id: id });
      expect(one).to.deep.equal(message);
      const text = message!.content.map((part) => (part.type === 'text' ? part.text.value : ''));
      return [message!.role, message!.status, text];
    });
    await until(['assistant', 'in_progress', []]);
    spoken.say('It ');
    await until(['assistant', 'in_progress', ['It ']]);
    spoken.say('is on.');
    await until(['assistant', 'in_progress', ['It is on.']]);
    spoken.say('', 'stop');
    await until(['assistant', 'completed', ['It is on.']]);
  });

  it('is among the items of a conversation and in its response, under the id that it keeps', async () => {
    const { id } = await client.conversations.create(world.devices as object);
    world.steps.push(setLamp(true, 'Wait.'));
    const spoken = speech();
    const stream = await client.responses.create({
      model: 'm',
      conversation: id,
      input: 'Light!',
      stream: true,
    });
    let responseId = '';
    const reading = (async () => {
      for await (const event of stream) if (event.type === 'response.created') responseId = event.response.id;
    })();
    const until = await follow(spoken, async () => {
      const { data } = await client.conversations.items.list(id);
      const item = data[0] as { id: string; status: string; type: string; content?: { text: string }[] };
      const { output } = await client.responses.retrieve(responseId);
      expect(output.at(-1)).to.deep.equal(item);
      const read = await client.conversations.items.retrieve(item.id, { conversation_id: id });
      expect(read).to.deep.equal(item);
      return [item.status, item.content?.[0]?.text];
    });
    spoken.say('It ');
    await until(['in_progress', 'It ']);
    spoken.say('is on.');
    await until(['in_progress', 'It is on.']);
    spoken.say('', 'stop');
    await reading;
    await until(['completed', 'It is on.']);
  });

  it('is forgotten when its task is stopped', async () => {
    const { id } = (await world.ada.call('POST', '/v1/threads', {})).body as { id: string };
    const spoken = speech();
    await client.post(`/threads/${id}/messages?run=true`, { body: { role: 'user', content: 'Hello!' } });
    const until = await follow(spoken, async () => {
      const { data } = await client.beta.threads.messages.list(id);
      return [data[0]!.status, data[0]!.content.length];
    });
    spoken.say('Good ');
    await until(['in_progress', 1]);
    const { data } = await client.beta.threads.runs.list(id);
    await client.beta.threads.runs.cancel(data[0]!.id, { thread_id: id });
    await until(['incomplete', 0]);
  });
});
