import { expect } from 'chai';
import type { ModelConfig } from '../../lib/core/model.ts';
import { AppError } from '../../lib/errors.ts';
import { openModels, type ModelsOptions } from '../../lib/models/index.ts';
import { ask } from '../support/model-asking.ts';

/** A fetch that answers at once and notes where the request went with which key and which model. */
function notingFetch(): { fetch: typeof globalThis.fetch; sent: (string | null)[][] } {
  const sent: (string | null)[][] = [];
  return {
    sent,
    fetch: (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      const { authorization = null } = (init?.headers ?? {}) as Record<string, string>;
      const { model } = JSON.parse(init?.body as string) as { model: string };
      sent.push([url.replace('/chat/completions', ''), authorization, model]);
      return Promise.resolve(Response.json({ choices: [{ message: { content: 'ok' } }] }));
    },
  };
}

describe('which model a session gets', () => {
  const env = { baseUrl: 'https://llm.example.com/v1', apiKey: 'env-key', model: 'env-model' };
  const openAi = 'https://api.openai.com/v1';
  const table: {
    title: string;
    defaults: ModelsOptions['defaults'];
    config?: ModelConfig;
    sent: (string | null)[] | 'demo';
  }[] = [
    { title: 'nothing set: the demo model', defaults: {}, sent: 'demo' },
    {
      title: 'empty settings count as missing',
      defaults: { baseUrl: '', apiKey: ' ', model: 'x' },
      sent: 'demo',
    },
    { title: 'a model name alone: the demo model', defaults: {}, config: { model: 'gpt-4o' }, sent: 'demo' },
    { title: 'the settings', defaults: env, sent: [env.baseUrl, 'Bearer env-key', 'env-model'] },
    { title: 'a key alone: OpenAI', defaults: { apiKey: 'k' }, sent: [openAi, 'Bearer k', 'gpt-4o-mini'] },
    {
      title: 'a base URL alone: without a key',
      defaults: { baseUrl: env.baseUrl },
      sent: [env.baseUrl, null, 'gpt-4o-mini'],
    },
    {
      title: "a caller's own endpoint and key",
      defaults: env,
      config: { baseUrl: 'https://mine.example.com', apiKey: 'mine', model: 'm' },
      sent: ['https://mine.example.com', 'Bearer mine', 'm'],
    },
    {
      title: "the settings' key does not go to a caller's endpoint",
      defaults: env,
      config: { baseUrl: 'https://mine.example.com/v1' },
      sent: ['https://mine.example.com/v1', null, 'env-model'],
    },
    {
      title: "nor to another path of the settings' host",
      defaults: env,
      config: { baseUrl: 'https://llm.example.com/other' },
      sent: ['https://llm.example.com/other', null, 'env-model'],
    },
    {
      title: "nor to a caller's endpoint when the settings name a key alone",
      defaults: { apiKey: 'k' },
      config: { baseUrl: 'https://mine.example.com/v1' },
      sent: ['https://mine.example.com/v1', null, 'gpt-4o-mini'],
    },
    {
      title: 'but to its own endpoint, however it is spelled',
      defaults: env,
      config: { baseUrl: 'https://LLM.example.com/v1/' },
      sent: [env.baseUrl, 'Bearer env-key', 'env-model'],
    },
    {
      title: "a caller's key goes to the settings' endpoint",
      defaults: env,
      config: { apiKey: 'mine' },
      sent: [env.baseUrl, 'Bearer mine', 'env-model'],
    },
  ];
  for (const { title, defaults = {}, config, sent } of table)
    it(title, async () => {
      const noting = notingFetch();
      const model = openModels({ fetch: noting.fetch, defaults }).open(config);
      const reply = await ask(model);
      expect(noting.sent).to.deep.equal(sent === 'demo' ? [] : [sent]);
      expect(reply.completion.model === 'demo').to.equal(sent === 'demo');
    });

  it('shares the settings that are 0', async () => {
    const bodies: unknown[] = [];
    const models = openModels({
      fetch: (_, init) => {
        bodies.push(JSON.parse(init?.body as string));
        return Promise.resolve(Response.json({ choices: [{ message: { content: 'ok' } }] }));
      },
    });
    await ask(models.open({ apiKey: 'k', temperature: 0, topP: 0, maxTokens: 1 }));
    expect(bodies[0]).to.include({ temperature: 0, top_p: 0, max_tokens: 1 });
  });
});

describe('a model config that cannot work', () => {
  const table: [string, ModelConfig, string, string][] = [
    ['a base URL that is none', { baseUrl: 'llm' }, '/llmConfig/baseUrl', 'is not an http(s) URL'],
    ['another scheme', { baseUrl: 'file:///etc' }, '/llmConfig/baseUrl', 'is not an http(s) URL'],
    ['a password in the URL', { baseUrl: 'https://a:secret@h/v1' }, '/llmConfig/baseUrl', 'holds a password'],
    ['a key with a line break', { apiKey: 'a\nb' }, '/llmConfig/apiKey', 'no HTTP header can carry'],
  ];
  for (const [title, config, pointer, message] of table)
    it(`${title} is refused before anything is sent`, () => {
      const models = openModels({ fetch });
      let failure: unknown;
      try {
        models.open(config);
      } catch (error) {
        failure = error;
      }
      expect(failure).to.be.instanceOf(AppError);
      const error = failure as AppError;
      expect([error.code, error.faults.map((fault) => fault.pointer)]).to.deep.equal([
        'invalid_request',
        [pointer],
      ]);
      expect(error.message).to.contain(message).and.not.contain('secret');
    });
});
