import { expect } from 'chai';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import { chunksWithout } from '../../lib/models/chunks-without.ts';

const secret = 'key-0123456789+/="abc';

const chunk = (delta: JsonValue, finish: string | null = null, index = 0): JsonObject => ({
  id: 'c',
  model: 'm',
  choices: [{ index, delta, finish_reason: finish }],
});

async function passOn(chunks: readonly JsonObject[]): Promise<JsonObject[]> {
  async function* sent(): AsyncGenerator<JsonObject> {
    yield* chunks;
  }
  const passed: JsonObject[] = [];
  for await (const one of chunksWithout([secret], sent())) passed.push(one);
  return passed;
}

/** The text of all chunks: what a client puts together. */
const contentOf = (chunks: readonly JsonObject[]): string =>
  chunks
    .flatMap(({ choices }) => choices as { delta?: { content?: string } }[])
    .map(({ delta }) => delta?.content ?? '')
    .join('');

describe('the chunks of a completion without a secret', () => {
  it('have none of its pieces, wherever it is split, and all other text', async () => {
    const text = `before ${secret} between ${JSON.stringify(secret)} behind ${secret.slice(0, 9)}`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 60 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((to, at) => text.slice(places[at], to));
        const passed = await passOn([...pieces.map((content) => chunk({ content })), chunk({}, 'stop')]);
        expect(contentOf(passed)).to.equal(`before [secret] between "[secret]" behind ${secret.slice(0, 9)}`);
      }),
      { numRuns: 200 },
    );
  });

  it('come at once where nothing can begin the secret', async () => {
    const sent = [chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hello' }), chunk({}, 'stop')];
    expect(await passOn(sent)).to.deep.equal(sent);
  });

  it('end with the text that waits, before the chunk with the reason of the end', async () => {
    expect(await passOn([chunk({ content: 'a k' }), chunk({}, 'stop')])).to.deep.equal([
      chunk({ content: 'a ' }),
      chunk({ content: 'k' }),
      chunk({}, 'stop'),
    ]);
    expect(await passOn([chunk({ content: 'a k' })])).to.deep.equal([
      chunk({ content: 'a ' }),
      chunk({ content: 'k' }),
    ]);
  });

  it('are clean in the arguments of calls, in thoughts, and in several choices', async () => {
    const call = (index: number, text: string): JsonObject => ({
      tool_calls: [{ index, function: { arguments: text } }],
    });
    const [one, other] = [secret.slice(0, 10), secret.slice(10)];
    const passed = await passOn([
      chunk(call(0, `{"a":"${one}`)),
      chunk(call(1, 'ke')),
      chunk({ reasoning_content: one }, null, 1),
      chunk(call(0, `${other}"}`)),
      chunk({ reasoning_content: other }, null, 1),
      chunk({}, 'tool_calls'),
      chunk({}, 'stop', 1),
    ]);
    expect(passed).to.deep.equal([
      chunk(call(0, '{"a":"')),
      chunk(call(1, '')),
      chunk({ reasoning_content: '' }, null, 1),
      chunk(call(0, '[secret]"}')),
      chunk({ reasoning_content: '[secret]' }, null, 1),
      chunk(call(1, 'ke')),
      chunk({}, 'tool_calls'),
      chunk({}, 'stop', 1),
    ]);
  });

  it('keep their other fields, and chunks without choices', async () => {
    const usage = { id: 'c', choices: [], usage: { total_tokens: 3 } };
    expect(await passOn([usage, { id: secret }])).to.deep.equal([usage, { id: '[secret]' }]);
  });

  it('have none of its pieces in the tokens of logprobs, wherever it is split, and all other tokens', async () => {
    const text = `before ${secret} between ${secret.slice(0, 9)}`;
    type Token = { token: string; logprob: number; bytes: number[] | null; top_logprobs: JsonObject[] };
    const token = (piece: string): Token => ({
      token: piece,
      logprob: -1,
      bytes: [...Buffer.from(piece)],
      top_logprobs: [{ token: piece, logprob: -1, bytes: [...Buffer.from(piece)] }],
    });
    const spoken = (piece: string): JsonObject => ({
      ...chunk({}),
      choices: [
        {
          index: 0,
          delta: {},
          finish_reason: null,
          logprobs: { content: piece === '' ? [] : [token(piece)], refusal: null },
        },
      ],
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 60 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((to, at) => text.slice(places[at], to));
        const passed = await passOn([...pieces.map(spoken), chunk({}, 'stop')]);
        const tokens = passed
          .flatMap(({ choices }) => choices as { logprobs?: { content: Token[] | null } }[])
          .flatMap(({ logprobs }) => logprobs?.content ?? []);
        expect(tokens.map(({ token }) => token).join('')).to.equal(
          `before [secret] between ${secret.slice(0, 9)}`,
        );
        for (const one of tokens)
          if (!one.token.includes('[secret]')) expect(one).to.deep.equal(token(one.token));
          else expect([one.bytes, one.top_logprobs]).to.deep.equal([null, []]);
      }),
      { numRuns: 200 },
    );
  });
});
