import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import type { CallContext, CallNotice } from '../../../lib/core/tool.ts';
import { openEgress, type Egress } from '../../../lib/drivers/egress.ts';
import { openDocuments, type Documents } from '../../../lib/openspecs.ts';
import type { DocumentEntry, LoadedSpec } from '../../../lib/openspec/openspecs.ts';
import { everythingCommand, startEverything } from '../../support/mcp-everything.ts';
import { waitFor } from '../../support/wait-for.ts';

const tools = [
  ['echo', 'read'],
  ['get-annotated-message', 'read'],
  ['get-env', 'read'],
  ['get-resource-links', 'read'],
  ['get-resource-reference', 'read'],
  ['get-structured-content', 'read'],
  ['get-sum', 'read'],
  ['get-tiny-image', 'read'],
  ['gzip-file-as-resource', 'write'],
  ['toggle-simulated-logging', 'write'],
  ['toggle-subscriber-updates', 'write'],
  ['trigger-long-running-operation', 'read'],
];
const gzipped = { name: 'a.gz', data: 'data:text/plain,hello', outputType: 'resource' };

describe('the reference server of MCP as a document', () => {
  let egress: Egress;
  let documents: Documents;
  const opened: { kill(): Promise<void> }[] = [];
  beforeEach(() => {
    egress = openEgress({ allow: [], deny: [], allowPrivate: true, serialAllow: [] });
    documents = openDocuments({ egress, resultMaxBytes: 10_000, documentMaxBytes: 1e6 });
  });
  afterEach(async () => {
    await documents.close();
    await egress.close();
    for (const one of opened.splice(0)) await one.kill();
  });

  const start = async (port?: number): Promise<Awaited<ReturnType<typeof startEverything>>> => {
    const server = await startEverything(port);
    opened.push(server);
    return server;
  };
  const load = (entry: DocumentEntry): Promise<LoadedSpec> =>
    documents.openspecs.load({ protocol: 'mcp', ...entry }, { byOperator: true });
  const call = async (
    { spec, connection }: LoadedSpec,
    name: string,
    args: JsonObject = {},
    onNotice?: CallContext['onNotice'],
  ): Promise<JsonObject> => {
    const tool = spec.tools.find((one) => one.name === name)!;
    return tool.call(args, { connection, signal: new AbortController().signal, timeoutMs: 20_000, onNotice });
  };

  const places: Record<string, () => Promise<DocumentEntry>> = {
    'as a program': async () => ({ command: everythingCommand }),
    'over HTTP': async () => ({ server: (await start()).url }),
  };
  for (const [where, placeOf] of Object.entries(places))
    it(`${where} lists and answers all its tools`, async () => {
      const loaded = await load(await placeOf());
      const { spec } = loaded;
      expect(spec.tools.map(({ name, effect }) => [name, effect])).to.deep.equal(tools);
      expect(spec.skipped.map(({ operation }) => operation)).to.deep.equal(['simulate-research-query']);
      const notices: CallNotice[] = [];
      const results = {
        echo: await call(loaded, 'echo', { message: 'hello' }),
        sum: await call(loaded, 'get-sum', { a: 1.5, b: 2 }),
        structured: await call(loaded, 'get-structured-content', { location: 'Chicago' }),
        image: await call(loaded, 'get-tiny-image'),
        text: await call(loaded, 'get-resource-reference', { resourceType: 'Blob', resourceId: 1 }),
        links: await call(loaded, 'get-resource-links', { count: 1 }),
        annotated: await call(loaded, 'get-annotated-message', { messageType: 'error', includeImage: true }),
        zipped: await call(loaded, 'gzip-file-as-resource', gzipped),
        slow: await call(loaded, 'trigger-long-running-operation', { duration: 0.2, steps: 2 }, (notice) =>
          notices.push(notice),
        ),
        bad: await call(loaded, 'get-sum', { a: 'x' }),
      };
      const shown = Object.fromEntries(
        Object.entries(results).map(([what, { body, value, error }]) => [
          what,
          value ?? (error as JsonObject | undefined)?.['code'] ?? (body as string).split('\n'),
        ]),
      );
      expect(shown['echo']).to.deep.equal(['Echo: hello']);
      expect(shown['sum']).to.deep.equal(['The sum of 1.5 and 2 is 3.5.']);
      expect(shown['structured']).to.have.all.keys('temperature', 'conditions', 'humidity');
      expect((shown['image'] as string[])[1]).to.match(/^\[image: \d+ bytes, image\/png\]$/);
      expect((shown['text'] as string[]).some((line) => /^\[resource: demo:.*\d+ bytes/.test(line))).to.equal(
        true,
      );
      expect((shown['links'] as string[])[1]).to.match(/^\[resource: demo:/);
      expect((shown['annotated'] as string[]).at(-1)).to.match(/^\[image: /);
      expect((shown['zipped'] as string[]).join()).to.match(
        /\[resource: .*a\.gz, \d+ bytes, application\/gzip\]/,
      );
      expect(shown['slow']).to.deep.equal([
        'Long running operation completed. Duration: 0.2 seconds, Steps: 2.',
      ]);
      expect(notices).to.deep.equal([
        { type: 'progress', progress: 1, total: 2 },
        { type: 'progress', progress: 2, total: 2 },
      ]);
      expect(['tool_error', -32_602]).to.include(shown['bad']);
      loaded.release();
    });

  it('tells that its tools have changed, and the next task has them', async () => {
    const server = await start();
    const namesNow = async (): Promise<string[]> => {
      const { spec, release } = await load({ server: server.url });
      release();
      return spec.tools.map(({ name }) => name);
    };
    const all = tools.map(([name]) => name);
    expect(await namesNow()).to.deep.equal(all);
    server.changeTools();
    await waitFor(async () => !(await namesNow()).includes('echo'));
    expect(await namesNow()).to.deep.equal(all.slice(1));
    server.changeTools();
    await waitFor(async () => (await namesNow()).includes('echo'));
    expect(await namesNow()).to.deep.equal(all);
  });

  it('killed in the middle of a call is back with the next one', async () => {
    const first = await start();
    const loaded = await load({ server: first.url });
    const answer = call(loaded, 'trigger-long-running-operation', { duration: 30, steps: 30 });
    await waitFor(async () => (await call(loaded, 'echo', { message: 'x' }))['body'] === 'Echo: x');
    await first.kill();
    expect(((await answer)['error'] as JsonObject)['code']).to.match(/ECONN|EPROTO|invalid_response/);
    const gone = await call(loaded, 'echo', { message: 'x' });
    expect((gone['error'] as JsonObject)['effect']).to.equal('none');
    await start(first.port);
    expect(await call(loaded, 'echo', { message: 'back' })).to.deep.equal({ body: 'Echo: back' });
    loaded.release();
  });
});
