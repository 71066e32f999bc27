import { expect } from 'chai';
import type { Model, ModelRequest } from '../../lib/core/model.ts';
import { ModelError } from '../../lib/errors.ts';

/** What the suite needs of a model: fresh ones, each of which is about to do a thing. */
export interface ModelUnderTest {
  /** Answers with this text. */
  answering(text: string): Promise<Model>;
  /** Calls the first tool offered, twice, in one reply. */
  callingTwice(): Promise<Model>;
  /** Fails; undefined where a model cannot. */
  failing: (() => Promise<Model>) | undefined;
  /** Does not answer before the signal aborts; undefined where a model cannot be slow. */
  hanging: (() => Promise<Model>) | undefined;
}

/** The request that every model of the suite gets; the demo model's answers are made from its words. */
export const contractRequest: ModelRequest = {
  messages: [
    { role: 'system', text: 'You control the lights.' },
    {
      role: 'user',
      content: [{ type: 'text', text: 'Turn on the kitchen light and turn on the hall light' }],
    },
  ],
  tools: [
    {
      name: 'set_light',
      description: 'Switch the light of a room on or off.',
      parameters: {
        type: 'object',
        properties: { room: { type: 'string', enum: ['kitchen', 'hall'] }, on: { type: 'boolean' } },
        required: ['room', 'on'],
      },
    },
  ],
};

/** The contract of the model port (lib/core/model.ts), to be met by every model. */
export function describeModel(name: string, under: ModelUnderTest): void {
  describe(`the model contract: ${name}`, () => {
    const signal = new AbortController().signal;

    it('answers with a text, and the deltas make up that text', async () => {
      const model = await under.answering('The light is on.');
      const deltas: string[] = [];
      const request = answeredRequest();
      const reply = await model.reply(request, { signal, onDelta: (text) => deltas.push(text) });
      expect(reply.calls).to.deep.equal([]);
      expect(reply.text).to.not.equal('');
      expect(deltas.join('')).to.equal(reply.text);
      expect(deltas.length).to.be.greaterThan(1);
    });

    it('answers the same without deltas', async () => {
      const request = answeredRequest();
      const streamed = await (
        await under.answering('The light is on.')
      ).reply(request, { signal, onDelta: () => {} });
      const whole = await (await under.answering('The light is on.')).reply(request, { signal });
      expect(whole.text).to.equal(streamed.text);
    });

    it('gives each call of a reply its own id, and parsed arguments', async () => {
      const model = await under.callingTwice();
      const reply = await model.reply(contractRequest, { signal });
      expect(reply.calls.map(({ name, arguments: args }) => ({ name, args }))).to.deep.equal([
        { name: 'set_light', args: { room: 'kitchen', on: true } },
        { name: 'set_light', args: { room: 'hall', on: true } },
      ]);
      const ids = reply.calls.map((call) => call.callId);
      expect(new Set(ids).size).to.equal(2);
      expect(ids).to.not.include('');
    });

    it('says who replied and what it cost', async () => {
      const { completion } = await (await under.callingTwice()).reply(contractRequest, { signal });
      expect(completion.id).to.be.a('string').that.is.not.equal('');
      expect(completion.model).to.be.a('string').that.is.not.equal('');
      expect(completion.usage.totalTokens).to.equal(
        completion.usage.promptTokens + completion.usage.completionTokens,
      );
    });

    it('leaves the request as it was', async () => {
      const request = structuredClone(contractRequest);
      await (await under.callingTwice()).reply(request, { signal });
      expect(request).to.deep.equal(contractRequest);
    });

    it('rejects with the reason of a signal that has aborted before', async () => {
      const reason = new Error('not wanted any more');
      const model = await under.answering('too late');
      const failure = await model.reply(contractRequest, { signal: AbortSignal.abort(reason) }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).to.equal(reason);
    });

    const { failing, hanging } = under;

    // A model without an endpoint has nothing that fails, and one that answers at once never waits.
    if (failing)
      it('fails with a ModelError', async () => {
        const failure = await (await failing()).reply(contractRequest, { signal }).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(failure).to.be.instanceOf(ModelError);
      });

    if (hanging)
      it('rejects with the reason when the signal aborts while it waits', async () => {
        const reason = new Error('stopped');
        const stop = new AbortController();
        const reply = (await hanging()).reply(contractRequest, { signal: stop.signal });
        setImmediate(() => stop.abort(reason));
        const failure = await reply.then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(failure).to.equal(reason);
      });
  });
}

/** The request after both calls have been made. */
function answeredRequest(): ModelRequest {
  const calls = ['kitchen', 'hall'].map((room) => ({
    callId: `call_${room}`,
    name: 'set_light',
    arguments: { room, on: true },
  }));
  return {
    tools: contractRequest.tools,
    messages: [
      ...contractRequest.messages,
      { role: 'assistant', text: '', calls },
      ...calls.map(({ callId, arguments: { room } }) => ({
        role: 'tool' as const,
        callId,
        result: { statusCode: 200, body: `{"room":"${room}","on":true}` },
      })),
    ],
  };
}
