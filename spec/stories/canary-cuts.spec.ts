import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { openMcpPeer, sendJson, type McpPeer } from '../support/mcp-peer.ts';

const KEY = 'zq1/to+ken"of\\the=peer';
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
/** The ways in which a device may write its key. */
const forms: Record<string, string> = {
  plain: KEY,
  'JSON in JSON': json(json(KEY)),
  'escaped in part': KEY.replace('/', '\\/').replace('+', '%2B').replace('"', '&quot;'),
  percent: encodeURIComponent(KEY),
  base64: Buffer.from(KEY).toString('base64'),
  'base64 with a name': Buffer.from(`a:${KEY}`).toString('base64').slice(3),
  hexadecimal: Buffer.from(KEY).toString('hex'),
};
/** A result is cut to so many bytes. */
const RESULT_MAX_BYTES = 1000;

/** A place where words of a device are cut: how many characters stay, and how the device says words there. */
interface Cut {
  kept: number;
  say(peer: McpPeer, words: string): void;
}

const answerWith = (result: (words: string) => JsonObject): Cut['say'] => {
  return (peer, words) => (peer.answers['tools/call'] = ({ send }) => send(result(words)));
};
const failWith = (error: (words: string) => JsonObject, status = 200): Cut['say'] => {
  return (peer, words) =>
    (peer.answers['tools/call'] = ({ message: { id = null }, response }) => {
      response.statusCode = status;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -1, ...error(words) } }));
    });
};
const text = (words: string): JsonObject => ({ type: 'text', text: words });

const cuts: Record<string, Cut> = {
  'a text': { kept: 900, say: answerWith((words) => ({ content: [text(`${words}${'y'.repeat(3000)}`)] })) },
  'the texts before parts that are left out': {
    kept: 900,
    say: answerWith((words) => ({ content: [text(words), text('y'.repeat(3000)), text('last')] })),
  },
  'the address of a resource': {
    kept: 300,
    say: answerWith((words) => ({ content: [{ type: 'resource_link', uri: `${words}yyy`, name: 'n' }] })),
  },
  'a value': {
    kept: 900 - '{"a":"'.length,
    say: answerWith((words) => ({ content: [], structuredContent: { a: `${words}${'y'.repeat(3000)}` } })),
  },
  'a text that says why the tool failed': {
    kept: 900,
    say: answerWith((words) => ({ content: [text(`${words}${'y'.repeat(3000)}`)], isError: true })),
  },
  'the words of an error': {
    kept: 1900,
    say: failWith((message) => ({ message: `${message}${'y'.repeat(3000)}` })),
  },
  'the data of an error': {
    kept: 900 - '{"a":"'.length,
    say: failWith((words) => ({ message: 'no', data: { a: `${words}${'y'.repeat(3000)}` } })),
  },
  'the words beside a status': { kept: 300, say: failWith((message) => ({ message: `${message}yyy` }), 500) },
  'the target of a redirect': {
    kept: 300,
    say: (peer, words) =>
      (peer.answers['tools/call'] = ({ response }) =>
        void response.writeHead(302, { location: `${words}yyy` }).end()),
  },
  'an id': {
    kept: 39,
    say: (peer, words) =>
      (peer.answers['tools/call'] = ({ response }) =>
        sendJson(response, { jsonrpc: '2.0', id: `${words}yyy`, result: {} })),
  },
};

describe('a key of a device, where the words of the device are cut in the middle of it,', function () {
  this.timeout(60_000);
  let app: TestApp;
  let peer: McpPeer;
  before(async () => {
    app = await openTestApp({ TOOL_RESULT_MAX_BYTES: String(RESULT_MAX_BYTES) });
    peer = await openMcpPeer();
    expect((await register()).status).to.equal(201);
  });
  after(async () => {
    await app.close();
    await peer.close();
  });

  const register = (): Promise<{ status: number; body: unknown }> =>
    app.post('/api/devices', {
      name: `peer${peer.messages.length}`,
      protocol: 'mcp',
      server: `${peer.url}?number=${peer.messages.length}`, // each has a connection of its own
      apiKey: { type: 'bearer', apiKey: KEY },
    });

  /** The forms of the key whose beginning is still shown after a cut. Each form is cut at every third place. */
  async function leaksOf(kept: number, show: (words: string) => Promise<unknown>): Promise<string[]> {
    const leaks: string[] = [];
    for (const [name, form] of Object.entries(forms))
      for (let shown = 4; shown < form.length; shown += 3) {
        const before = 'x'.repeat(Math.max(0, kept - shown));
        const answer = JSON.stringify(await show(before + form));
        expect(answer).to.contain(before.slice(0, 3));
        const leaked = [form, json(form), json(json(form))].filter((one) => answer.includes(one.slice(0, 6)));
        if (leaked.length > 0 && shown >= 6)
          leaks.push(`${name}, ${shown} of ${form.length}: ${answer.slice(-200)}`);
      }
    return leaks;
  }

  for (const [name, { kept, say }] of Object.entries(cuts))
    it(`does not stay in ${name}`, async () => {
      const leaks = await leaksOf(kept, async (words) => {
        say(peer, words);
        return (await app.post('/api/devices/peer0/tools/echo', { arguments: { text: 'x' } })).body;
      });
      expect(leaks).to.deep.equal([]);
    });

  it('does not stay in the reason why the device cannot be registered', async () => {
    const leaks = await leaksOf(300, async (message) => {
      peer.answers['initialize'] = ({ message: { id = null }, response }) =>
        sendJson(response, { jsonrpc: '2.0', id, error: { code: -1, message: `${message}yyy` } });
      const { status, body } = await register();
      expect(status).to.equal(400);
      return body;
    });
    expect(leaks).to.deep.equal([]);
  });
});
