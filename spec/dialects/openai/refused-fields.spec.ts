import { expect } from 'chai';
import { openLampWorld, type LampWorld } from '../../support/lamp-world.ts';
import { checkLoop, startWatchdog } from '../../support/loop-watchdog.ts';

/** Requests that name something which cannot be. Each is refused with its place, before a model is asked. */
describe('a request to the OpenAI dialect that cannot be meant', () => {
  let world: LampWorld;
  let thread: string;
  before(async () => {
    world = await openLampWorld();
    const { body } = await world.ada.call('POST', '/v1/threads', {
      messages: [{ role: 'user', content: 'Hello' }],
    });
    thread = (body as { id: string }).id;
  });
  after(() => world.close());

  /** The status, the field and the words of a refusal. */
  async function refusal(path: string, body: object): Promise<unknown[]> {
    const answer = await world.ada.call('POST', path, body);
    const { error } = answer.body as { error?: { param: string; message: string } };
    return [answer.status, error?.param, error?.message.replace('The request is not valid: ', '')];
  }
  const named = 'must be a name of 1 to 64 letters, digits, underscores and hyphens.';

  const fn = (fields: object) => ({ tools: [{ type: 'function', ...fields }] });
  for (const [title, fields, param, words] of [
    ['without a name', {}, 'name', named],
    ['whose name has a space', { name: 'a b' }, 'name', named],
    ['whose name is too long', { name: 'n'.repeat(65) }, 'name', named],
    ['whose parameters are a text', { name: 'f', parameters: '{}' }, 'parameters', 'must be a JSON Schema.'],
  ] as const)
    it(`has a function ${title}, for a response and for a run`, async () => {
      const asResponse = await refusal('/v1/responses', { model: 'm', input: 'Hi', ...fn(fields) });
      const flat = `tools.0.${param}`;
      expect(asResponse).to.deep.equal([400, flat, `${flat} ${words}`]);
      const run = { assistant_id: 'default', ...fn({ function: fields }) };
      const asRun = await refusal(`/v1/threads/${thread}/runs`, run);
      const nested = `tools.0.function.${param}`;
      expect(asRun).to.deep.equal([400, nested, `${nested} ${words}`]);
    });

  it('has many faults: all are named at once', async () => {
    const words = (sentences: string[]) => sentences.join(' ');
    const asResponse = await refusal('/v1/responses', {
      model: 'm',
      input: 'Hi',
      prompt: { id: 'p' },
      max_tool_calls: 5,
      tools: [
        { type: 'web_search' },
        { type: 'function', name: 'a b' },
        { type: 'function', name: 'c', description: 5 },
      ],
      tool_choice: 'any',
      background: true,
      store: false,
    });
    expect(asResponse).to.deep.equal([
      400,
      'prompt',
      words([
        'prompt is a parameter that this server does not have;',
        'max_tool_calls is a parameter that this server does not have;',
        'tool_choice must be none, auto, required, a function or allowed_tools;',
        'tools.0.type must be function: this server has no tools of OpenAI;',
        `tools.1.name ${named.slice(0, -1)};`,
        'tools.2.description must be a text;',
        'background needs store: a response that is not kept cannot be read later.',
      ]),
    ]);
    const asRun = await refusal(`/v1/threads/${thread}/runs`, {
      assistant_id: 'default',
      max_prompt_tokens: 256,
      tools: [{ type: 'code_interpreter' }],
      response_format: 5,
    });
    expect(asRun).to.deep.equal([
      400,
      'max_prompt_tokens',
      words([
        'max_prompt_tokens is for the whole server: CONTEXT_TOKENS_MAX_COUNT;',
        'tools.0.type must be function: this server has no tools of OpenAI;',
        'response_format must be auto, or an object with a type.',
      ]),
    ]);
    const items = [
      { role: 'nobody', content: 'x' },
      {
        role: 'user',
        content: [{ type: 'video' }, { type: 'input_text', text: 'Hi' }, { type: 'input_text' }],
      },
      { type: 'web_search_call' },
    ];
    for (const [path, field, body] of [
      ['/v1/responses', 'input', { model: 'm', input: items }],
      ['/v1/conversations', 'items', { items }],
    ] as const)
      expect(await refusal(path, body), path).to.deep.equal([
        400,
        `${field}.0.role`,
        words([
          `${field}.0.role must be one of user, assistant, system, developer;`,
          `${field}.1.content.0.type is no part that this server takes of the role user;`,
          `${field}.1.content.2.text is missing;`,
          `${field}.2.type is a kind of item that this server does not know.`,
        ]),
      ]);
    const upload = await refusal('/v1/uploads', { metadata: {} });
    expect(upload).to.deep.equal([
      400,
      'purpose',
      'The body is not valid: /purpose is missing; /filename is missing; /bytes is missing; /mime_type is missing.',
    ]);
    const long = { input: 'Hi', metadata: { ['k'.repeat(65)]: 'v' } };
    expect(await refusal('/v1/responses', long)).to.deep.equal([
      400,
      'metadata',
      `The body is not valid: /metadata has a field "${'k'.repeat(65)}", whose name must be at most 64 characters long.`,
    ]);
    const many = await refusal('/v1/responses', { model: 'm', input: Array.from({ length: 25 }, () => 5) });
    expect(many[2]).to.match(/input\.9 must be an object; and 15 more\.$/);
    const watchdog = startWatchdog();
    const parts = [{ role: 'user', content: Array.from({ length: 150_000 }, () => 1) }];
    for (const input of [Array.from({ length: 100_000 }, () => 1), parts]) {
      const [status, , told] = await refusal('/v1/responses', { model: 'm', input });
      expect([status, String(told).endsWith('; and 90 more.')]).to.deep.equal([400, true]);
    }
    checkLoop(watchdog.take(), 'a request with many faults');
    watchdog.stop();
  });

  it('has a function that is no object, for a run', async () => {
    const run = { assistant_id: 'default', ...fn({}) };
    expect(await refusal(`/v1/threads/${thread}/runs`, run)).to.deep.equal([
      400,
      'tools.0.function',
      'tools.0.function must be an object with a name.',
    ]);
  });

  it('asks a run for a format that is none', async () => {
    const run = { assistant_id: 'default', response_format: 5 };
    expect(await refusal(`/v1/threads/${thread}/runs`, run)).to.deep.equal([
      400,
      'response_format',
      'response_format must be auto, or an object with a type.',
    ]);
  });

  it('asks for a response in the background that is not kept', async () => {
    const body = { model: 'm', input: 'Hi', background: true, store: false };
    expect(await refusal('/v1/responses', body)).to.deep.equal([
      400,
      'background',
      'background needs store: a response that is not kept cannot be read later.',
    ]);
  });

  it('says nothing at all', async () => {
    expect(await refusal('/v1/responses', { model: 'm', input: [] })).to.deep.equal([
      400,
      'input',
      'input must not be empty.',
    ]);
    const empty = [{ role: 'user', content: [] }];
    expect(await refusal('/v1/responses', { model: 'm', input: empty })).to.deep.equal([
      400,
      'input.0.content',
      'input.0.content must not be empty.',
    ]);
    expect(await refusal('/v1/conversations', { items: empty })).to.deep.equal([
      400,
      'items.0.content',
      'items.0.content must not be empty.',
    ]);
    expect(world.model.requests).to.deep.equal([]);
  });

  it('gets 502 when the endpoint answers without choices: clients read the first one', async () => {
    const raw = '{"id":"x","object":"chat.completion","choices":[]}';
    world.steps.push({
      answer: (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(raw),
    });
    const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
    expect(await refusal('/v1/chat/completions', body)).to.deep.equal([
      502,
      null,
      'the model endpoint sent an answer without choices',
    ]);
  });
});
