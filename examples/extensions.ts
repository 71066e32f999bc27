// A server with rows of its own in four tables: a kind of document, a driver, a model and a dialect, written with the
// public API alone. Run `npm run build` first, then: npx tsx examples/extensions.ts
import {
  AppError,
  defaults,
  failed,
  openApp,
  quiet,
  readConfig,
  route,
  type App,
  type Dialect,
  type KindDefinition,
  type Message,
  type ModelProvider,
  type Tool,
} from 'lite-agent-server';

/** A driver: switchboards in memory, by address. A real one would open its connections through `context.egress`. */
class SwitchboardDriver {
  readonly #on = new Map<string, Set<string>>();

  isOn(board: string, name: string): boolean {
    return this.#on.get(board)?.has(name) ?? false;
  }

  set(board: string, name: string, on: boolean): void {
    const switches = this.#on.get(board) ?? new Set();
    this.#on.set(board, switches);
    if (on) switches.add(name);
    else switches.delete(name);
  }
}

/** A kind: documents such as `{"switchboard":"1.0","address":"hall","switches":["lamp"]}`. Each switch becomes two tools. */
const switchboardKind: KindDefinition = {
  name: 'switchboard',
  protocols: ['switchboard'],
  rootKeys: ['switchboard'],
  detect: (document) => 'switchboard' in document,
  open(drivers) {
    const driver = drivers.get('switchboard') as SwitchboardDriver; // the row of the table below
    return {
      ...switchboardKind,
      async compile(document) {
        const { address, switches } = document;
        const board = typeof address === 'string' ? address : 'board';
        const names = Array.isArray(switches) ? switches.filter((name) => typeof name === 'string') : [];
        const tools = names.flatMap((name) => toolsOf(driver, board, name));
        return {
          kind: 'switchboard',
          title: board,
          operations: tools.length,
          tools,
          skipped: [],
          warnings: [],
        };
      },
    };
  },
  simulate: async () => {
    throw new AppError('invalid_request', 'A switchboard is a toy: there is nothing to simulate.');
  },
};

function toolsOf(driver: SwitchboardDriver, board: string, name: string): Tool[] {
  const device = (): string => `switchboard:${board}`;
  return [
    {
      name: `read_${name}`,
      description: `Says whether the ${name} is on.`,
      parameters: { type: 'object', properties: {}, additionalProperties: false },
      operation: `${name} state`,
      effect: 'read',
      device,
      call: async () => ({ on: driver.isOn(board, name) }),
    },
    {
      name: `switch_${name}`,
      description: `Switches the ${name}.`,
      parameters: {
        type: 'object',
        properties: { on: { type: 'boolean' } },
        required: ['on'],
        additionalProperties: false,
      },
      operation: name,
      effect: 'write',
      device,
      async call({ on }, { signal }) {
        if (signal.aborted) return failed('cancelled', 'The task was stopped before the call.', 'none');
        driver.set(board, name, on === true);
        return { on: on === true };
      },
    },
  ];
}

/** A model: it switches what the sentence names. Sessions choose it with `"llmConfig":{"baseUrl":"toy:"}`. */
const toyModels: ModelProvider = {
  name: 'toy',
  connect:
    () =>
    ({ baseUrl }) => {
      if (baseUrl !== 'toy:') return undefined;
      const completion = {
        id: 'toy',
        model: 'toy',
        usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
      };
      return {
        async reply({ messages, tools }) {
          const last = messages.at(-1);
          if (last?.role !== 'user') return { text: 'Done.', calls: [], completion };
          const sentence = last.content.map((part) => (part.type === 'text' ? part.text : '')).join(' ');
          const tool = tools.find(
            ({ name }) => name.startsWith('switch_') && sentence.includes(name.slice(7)),
          );
          const on = !/\boff\b/.test(sentence);
          const calls = tool ? [{ callId: 'call', name: tool.name, arguments: { on } }] : [];
          return { text: tool ? '' : 'I know no such switch.', calls, completion };
        },
      };
    },
};

/** A dialect: `POST /plain/ask` with a document and a sentence gives the answer as a text. */
const plain: Dialect<'sessions'> = {
  name: 'plain',
  mount: ({ sessions }) => ({
    name: 'plain',
    prefixes: ['/plain'],
    sockets: [],
    anonymous: { id: 'anonymous', kind: 'anonymous' },
    formatError: ({ message }) => ({ contentType: 'text/plain', body: `${message}\n` }),
    routes: [
      route({
        method: 'POST',
        path: '/plain/ask',
        summary: 'Opens a session for one sentence, and gives its answer.',
        access: 'bring a document',
        body: {
          type: 'object',
          required: ['document', 'sentence'],
          properties: { document: { type: 'object' }, sentence: { type: 'string' } },
        },
        async handle({ body: { document, sentence }, caller }) {
          const id = await sessions.create(
            {
              model: { baseUrl: 'toy:' },
              systemPrompt: '',
              documents: [{ openSpec: JSON.stringify(document) }],
              children: [],
              taskStrategy: 'serial',
              toolStrategy: 'parallel',
              memoryTools: false,
            },
            caller,
          );
          const session = await sessions.find(id, caller);
          const ended = new Promise<void>((resolve) => {
            session.subscribe({
              messages: (lines) => void (lines.some(({ type }) => type === 'task_ended') && resolve()),
              delta: () => undefined,
              ended: () => resolve(),
            });
          });
          await session.submit({ form: 'text', content: [{ type: 'text', text: sentence }] });
          await ended;
          const lines: Message[] = [];
          for await (const page of session.pages()) lines.push(...page);
          const results = lines.flatMap((line) => (line.type === 'tool_result' ? [line.result] : []));
          const answer = lines.findLast((line) => line.type === 'model_reply');
          return { answer: answer?.type === 'model_reply' ? answer.text : null, results };
        },
      }),
    ],
  }),
};

/** A server with the tables of the defaults and these rows. */
export function openToyApp(env: Record<string, string | undefined>): Promise<App> {
  return openApp(readConfig({ env, cwd: process.cwd() }), quiet, {
    kinds: [switchboardKind, ...defaults.kinds],
    drivers: { ...defaults.drivers, switchboard: () => new SwitchboardDriver() },
    models: [toyModels, ...defaults.models],
    dialects: [plain, ...defaults.dialects],
  });
}

if (process.argv[1]?.endsWith('extensions.ts')) {
  const app = await openToyApp({ ...process.env, PORT: '0', DATABASE_URL: 'sqlite::memory:' });
  const document = { switchboard: '1.0', address: 'hall', switches: ['lamp', 'fan'] };
  const answer = await fetch(`${app.url}/plain/ask`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ document, sentence: 'Turn the lamp on.' }),
  });
  console.log(await answer.text());
  await app.close();
}
