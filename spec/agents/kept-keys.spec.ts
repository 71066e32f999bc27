import { expect } from 'chai';
import type { AgentConfig } from '../../lib/agents/agent-config.ts';
import { withKeptKeys } from '../../lib/agents/kept-keys.ts';
import type { JsonObject } from '../../lib/common/json.ts';

const key = 'canary-of-the-device-1';
const mask = 'can…ce-1';
const document = (servers: JsonObject[], more: JsonObject = {}): JsonObject => ({
  openapi: '3.1.0',
  info: { title: 'Lamp', version: '1' },
  servers,
  paths: {},
  ...more,
});
const home = [{ url: 'http://home.example/v1' }];
const entry = (openSpec: JsonObject | string | undefined, more: JsonObject = {}): JsonObject => ({
  ...(openSpec !== undefined && { openSpec }),
  apiKey: { type: 'bearer', apiKey: mask },
  ...more,
});

describe('a masked key of a document that comes back', () => {
  /** The key that is kept where the stored entry comes back as another one; `refused` where it is not. */
  function kept(stored: JsonObject, back: JsonObject): unknown {
    const config: AgentConfig = { documents: [{ ...stored, apiKey: { type: 'bearer', apiKey: key } }] };
    try {
      const { documents = [] } = withKeptKeys({ documents: [back] }, config);
      return (documents[0]!['apiKey'] as JsonObject)['apiKey'];
    } catch (error) {
      return (error as { code: string }).code === 'invalid_request' ? 'refused' : error;
    }
  }

  it('stands for the key of the same document, and of the same server with any document', () => {
    const text = JSON.stringify(document(home));
    const changed = document(home, { paths: { '/on': {} } });
    expect([
      kept(entry(document(home)), entry(document(home))),
      kept(entry(text), entry(text)),
      kept(entry(text, { server: '/v2' }), entry(text, { server: '/v3' })),
      kept(entry(text, { server: 'http://home.example/v1' }), entry(changed, { server: 'home.example/v2' })),
      kept(
        entry(undefined, { server: 'home.example:80' }),
        entry(undefined, { server: 'http://home.example' }),
      ),
    ]).to.deep.equal(Array.from({ length: 5 }, () => key));
  });

  it('is refused where the document may send the key to another origin', () => {
    const stored = entry(document(home));
    const server = { server: 'http://home.example' };
    const variable = { url: 'http://{host}/v1', variables: { host: { default: 'home.example' } } };
    const other = { url: 'http://{host}/v1', variables: { host: { default: 'elsewhere.example' } } };
    const text = JSON.stringify(document(home));
    const elsewhere: readonly (readonly [JsonObject, JsonObject])[] = [
      [stored, entry(document(home), { server: 'http://elsewhere.example' })],
      [stored, entry(document(home), { server: 'elsewhere.example' })],
      [stored, entry(document(home), { server: 'elsewhere.example:8080/v1' })],
      [stored, entry(document(home), { server: '//elsewhere.example' })],
      [entry(undefined, server), entry(undefined, { server: 'elsewhere.example' })],
      [stored, entry(document([{ url: '//elsewhere.example' }]))],
      [stored, entry(document([{ url: '{s}://elsewhere.example', variables: { s: { default: 'http' } } }]))],
      [entry(document([variable])), entry(document([other]))],
      [entry(text), entry(text.replace('http://home', String.raw`http:\/\/elsewhere`))],
      [entry(text), entry(text.replace('http://home', String.raw`http:\u002f\u002felsewhere`))],
      [
        entry({ swagger: '2.0', host: 'home.example', paths: {} }),
        entry({ swagger: '2.0', host: 'elsewhere.example', paths: {} }),
      ],
      [
        entry(document(home), server),
        entry(document(home), { ...server, credentialOrigins: ['http://elsewhere.example'] }),
      ],
    ];
    expect(elsewhere.map(([before, back]) => kept(before, back))).to.deep.equal(
      elsewhere.map(() => 'refused'),
    );
  });
});
