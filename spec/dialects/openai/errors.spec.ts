import { expect } from 'chai';
import { messageOfFailure } from '../../../lib/dialects/openai/errors.ts';

describe("a failure of the model's endpoint, in words for clients", () => {
  const hosts = [
    'ollama:11434',
    'ollama',
    'localhost:11434',
    'api.model.example',
    '[::1]:8080',
    '127.0.0.1:1',
  ];
  for (const [words, shown] of [
    ['cannot be reached (ECONNREFUSED)', 'the model endpoint cannot be reached (ECONNREFUSED)'],
    ['answered 500: out of memory', 'the model endpoint answered 500: out of memory'],
    ['sent no picture', 'the model endpoint sent no picture'],
  ] as const)
    it(`has no host, also where that is one word: ${words}`, () => {
      const messages = hosts.map((host) => ({
        code: 'model_error',
        message: `the model endpoint ${host} ${words}`,
      }));
      expect(messages.map(messageOfFailure)).to.deep.equal(hosts.map(() => shown));
    });

  it('keeps its other words', () => {
    const message = 'the model endpoint answered without a reply (no choices)';
    expect(messageOfFailure({ code: 'model_error', message })).to.equal(message);
  });
});
