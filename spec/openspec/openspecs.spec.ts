import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { AppError, SpecError } from '../../lib/errors.ts';
import { parseYaml } from '../../lib/openspec/yaml.ts';
import { openOpenspecs } from '../../lib/openspec/openspecs.ts';
import type { DocumentEntry, OpenspecsOptions } from '../../lib/openspec/openspecs.ts';
import type { CompiledSpec, CompileOptions, OpenspecKind } from '../../lib/openspec/kind.ts';
import { refusalOf } from '../support/refusal.ts';

interface Counted extends OpenspecKind {
  compiled: { document: JsonObject; options: CompileOptions }[];
  closed: number;
}

/** A kind that compiles to nothing and counts. */
function counted(
  name: CompiledSpec['kind'],
  key: string,
  more: { closes?: boolean; fails?: Error } = {},
): Counted {
  const kind: Counted = {
    name,
    protocols: name === 'openrpc' ? ['openrpc', 'jsonrpcHttp'] : [name],
    rootKeys: [key],
    compiled: [],
    closed: 0,
    detect: (document) => document[key] !== undefined,
    async compile(document, options) {
      kind.compiled.push({ document, options });
      await Promise.resolve();
      if (more.fails !== undefined) throw more.fails;
      const spec: CompiledSpec = {
        kind: name,
        title: 't',
        operations: 0,
        tools: [],
        skipped: [],
        warnings: ['none'],
      };
      if (more.closes === true) spec.close = () => kind.closed++;
      return spec;
    },
  };
  return kind;
}

/** The error that loading ends in. */
function refusal(entry: DocumentEntry, options: Partial<OpenspecsOptions> = {}): Promise<AppError> {
  const openspecs = openOpenspecs({
    kinds: [counted('openrpc', 'openrpc'), counted('openapi', 'openapi')],
    ...options,
  });
  return refusalOf(openspecs.load(entry));
}

describe('openspec/index', () => {
  it('loads JSON text, YAML text and objects alike, and recognizes the kind by the document', async () => {
    const openrpc = counted('openrpc', 'openrpc');
    const openapi = counted('openapi', 'openapi');
    const openspecs = openOpenspecs({ kinds: [openapi, openrpc] });
    const kinds: string[] = [];
    for (const openSpec of [
      '{"openrpc":"1.2.1"}',
      'openrpc: 1.2.1\n',
      { openrpc: '1.2.1' },
      '\uFEFF{"openapi":"3.1.0"}',
    ]) {
      kinds.push((await openspecs.load({ openSpec })).spec.kind);
    }
    expect(kinds).to.deep.equal(['openrpc', 'openrpc', 'openrpc', 'openapi']);
    expect(openrpc.compiled.map(({ document }) => document)).to.deep.equal([
      { openrpc: '1.2.1' },
      { openrpc: '1.2.1' },
    ]);
    openspecs.close();
  });

  it('gives each session its own connection and all of them one compiled document', async () => {
    const kind = counted('openrpc', 'openrpc');
    const openspecs = openOpenspecs({ kinds: [kind] });
    const openSpec = '{"openrpc":"1.2.1"}';
    const loads = await Promise.all([
      openspecs.load({ openSpec, protocol: 'jsonrpcHttp', apiKey: { type: 'bearer', apiKey: 'k1' } }),
      openspecs.load({ openSpec, server: 'http://127.0.0.1:1/', credentials: { a: 'b' } }),
      ...Array.from({ length: 98 }, () => openspecs.load({ openSpec })),
    ]);
    expect(kind.compiled).to.have.length(1);
    expect(new Set(loads.map(({ spec }) => spec)).size).to.equal(1);
    expect(loads[0]?.connection).to.deep.equal({ apiKey: { type: 'bearer', apiKey: 'k1' } });
    expect(loads[1]?.connection).to.deep.equal({ server: 'http://127.0.0.1:1/', credentials: { a: 'b' } });
    expect(loads[2]?.connection).to.deep.equal({});
    openspecs.close();
  });

  it('refuses to start a program for anybody but the operator, and asks a device for its document', async () => {
    const kind = { ...counted('openrpc', 'openrpc'), describe: async () => '{"openrpc":"1.2.1"}' };
    const openspecs = openOpenspecs({ kinds: [kind, counted('openapi', 'openapi')] });
    const program = { protocol: 'openrpc', command: ['true'] };
    const { code, faults } = await refusalOf(openspecs.load(program));
    expect([code, faults.map(({ pointer }) => pointer)]).to.deep.equal(['forbidden', ['/command']]);
    const { connection } = await openspecs.load(program, { byOperator: true });
    expect(connection).to.deep.equal({ command: ['true'] });
    const missing = [
      await refusal({}),
      await refusal({ protocol: 'openapi' }),
      await refusal({ protocol: 'x' }),
    ];
    expect(missing.map(({ message }) => message)).to.deep.equal(Array(3).fill('"openSpec" is missing.'));
    openspecs.close();
  });

  it('reads a document in memory no more once it is compiled', async () => {
    const openspecs = openOpenspecs({ kinds: [counted('openrpc', 'openrpc')] });
    let readCount = 0;
    const openSpec = {
      get openrpc() {
        readCount += 1;
        return '1.2.1';
      },
    };
    await openspecs.load({ openSpec });
    const compiledCount = readCount;
    for (let n = 0; n < 10; n++) await openspecs.load({ openSpec });
    expect([compiledCount > 0, readCount - compiledCount]).to.deep.equal([true, 0]);
    openspecs.close();
  });

  it('compiles again for other options', async () => {
    const kind = counted('openrpc', 'openrpc');
    const openspecs = openOpenspecs({ kinds: [kind] });
    const openSpec = '{"openrpc":"1.2.1"}';
    await openspecs.load({ openSpec });
    await openspecs.load({ openSpec, paramStructure: 'by-name' });
    await openspecs.load({ openSpec, include: { tags: ['a'] }, exclude: { methods: ['b'] } });
    expect(kind.compiled.map(({ options }) => options)).to.deep.equal([
      {},
      { paramStructure: 'by-name' },
      { include: { tags: ['a'] }, exclude: { methods: ['b'] } },
    ]);
    openspecs.close();
  });

  it('heeds a file as the source only where files may be read', async () => {
    const kind = counted('openrpc', 'openrpc');
    const openSpec = '{"openrpc":"1.2.1"}';
    const served = openOpenspecs({ kinds: [kind] });
    const local = openOpenspecs({ kinds: [kind], readFiles: true });
    await served.load({ openSpec, source: '/etc/device.json' });
    await served.load({ openSpec, source: 'http://127.0.0.1/device.json' });
    await local.load({ openSpec, source: '/etc/device.json' });
    expect(kind.compiled.map(({ options }) => options.source)).to.deep.equal([
      undefined,
      'http://127.0.0.1/device.json',
      '/etc/device.json',
    ]);
    served.close();
    local.close();
  });

  it('closes a document that holds something when its last session releases it, and only then', async () => {
    const kind = counted('openmodbus', 'openmodbus', { closes: true });
    const openspecs = openOpenspecs({ kinds: [kind] });
    const openSpec = { openmodbus: '1.0.0' };
    const [a, b] = await Promise.all([openspecs.load({ openSpec }), openspecs.load({ openSpec })]);
    a.release();
    a.release();
    expect(kind.closed).to.equal(0);
    b.release();
    expect(kind.closed).to.equal(1);
    const again = await openspecs.load({ openSpec });
    expect(kind.compiled).to.have.length(2);
    openspecs.close();
    expect(kind.closed).to.equal(1);
    again.release();
    expect(kind.closed).to.equal(2);
  });

  it('keeps a few unused documents, the last used ones', async () => {
    const kind = counted('openrpc', 'openrpc');
    const openspecs = openOpenspecs({ kinds: [kind], idleMaxCount: 2 });
    const touch = async (openrpc: string): Promise<void> =>
      (await openspecs.load({ openSpec: { openrpc } })).release();
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await touch(name);
    expect(kind.compiled.map(({ document }) => document['openrpc'])).to.deep.equal(['a', 'b', 'c', 'b']);
    openspecs.close();
    await touch('b');
    expect(kind.compiled).to.have.length(5);
  });

  it('keeps no unused document that is larger than the space for them', async () => {
    const kind = counted('openrpc', 'openrpc');
    const openspecs = openOpenspecs({ kinds: [kind], idleMaxBytes: 100 });
    const touch = async (openrpc: string): Promise<void> =>
      (await openspecs.load({ openSpec: { openrpc } })).release();
    for (const name of ['x'.repeat(40), 'a', 'x'.repeat(40), 'a']) await touch(name);
    expect(kind.compiled.map(({ document }) => JSON.stringify(document).length - 14)).to.deep.equal([
      40, 1, 40,
    ]);
    // A text of small parts takes more memory than a long word of the same length.
    const parts = { openrpc: 'b', x: Array.from({ length: 5 }, () => ({})) };
    for (let at = 0; at < 2; at += 1) (await openspecs.load({ openSpec: parts })).release();
    expect(kind.compiled.filter(({ document }) => document['openrpc'] === 'b')).to.have.length(2);
    openspecs.close();
  });

  it('does not remember a failure', async () => {
    const kind = counted('openrpc', 'openrpc', { fails: new SpecError('no methods') });
    const openspecs = openOpenspecs({ kinds: [kind] });
    const load = (): Promise<string> =>
      openspecs.load({ openSpec: { openrpc: '1' } }).then(
        () => 'loaded',
        (error: AppError) => error.message,
      );
    expect(await Promise.all([load(), load()])).to.deep.equal(['no methods', 'no methods']);
    expect(kind.compiled).to.have.length(1);
    expect(await load()).to.equal('no methods');
    expect(kind.compiled).to.have.length(2);
    openspecs.close();
  });

  it('asks a URL for its document, and takes the URL for the source', async () => {
    const kind = counted('openrpc', 'openrpc');
    const asked: unknown[] = [];
    const openspecs = openOpenspecs({
      kinds: [kind],
      discover: async (url, connection, signal) => {
        asked.push([url, connection, signal?.aborted]);
        return Promise.resolve('{"openrpc":"1.3.2"}');
      },
    });
    const apiKey = { type: 'bearer' as const, apiKey: 'k' };
    await openspecs.load(
      { openSpec: ' http://127.0.0.1:1/rpc\n', apiKey },
      { signal: new AbortController().signal },
    );
    expect(asked).to.deep.equal([['http://127.0.0.1:1/rpc', { apiKey }, false]]);
    expect(kind.compiled).to.deep.equal([
      { document: { openrpc: '1.3.2' }, options: { source: 'http://127.0.0.1:1/rpc' } },
    ]);
    openspecs.close();
  });

  describe('refuses, saying why', () => {
    const cases: [string, DocumentEntry, RegExp][] = [
      ['an empty text', { openSpec: ' \n' }, /^The document is empty/],
      [
        'broken JSON',
        { openSpec: '{\n  "openrpc": "1.2.1",\n  oops\n}' },
        /not valid JSON: line 3, column 3/,
      ],
      ['JSON that ends early', { openSpec: '{"openrpc": "1.2.1",\n' }, /not valid JSON: line 2, column 1: /],
      ['broken YAML', { openSpec: 'openrpc: "1\nmethods: [' }, /neither JSON nor YAML: line 2, column 11: /],
      [
        'a tab in the third line of YAML',
        { openSpec: 'openrpc: 1.2.1\nmethods:\n\t- a' },
        /: line 3, column 1: Tabs/,
      ],
      ['plain text', { openSpec: 'hello' }, /is plain text, not an object/],
      ['a list', { openSpec: '[1]' }, /is a list, not an object/],
      ['a number', { openSpec: '42' }, /is 42, not an object/],
      [
        'a URL where none may be asked',
        { openSpec: 'https://device.example/rpc' },
        /is a URL; send the document itself/,
      ],
      [
        'a document of no kind',
        { openSpec: { hello: 1 } },
        /no known kind \(openrpc, openapi\).*"openapi"; it has hello/,
      ],
      [
        'a protocol that disagrees',
        { openSpec: { openrpc: '1.2.1' }, protocol: 'openapi' },
        /protocol says "openapi", but the document is openrpc/,
      ],
      ['something else', { openSpec: 7 as unknown as string }, /neither text nor an object/],
      ['a YAML alias inside its own anchor', { openSpec: 'openrpc: &a\n  b: *a\n' }, /contains itself/],
      [
        'a YAML alias bomb',
        {
          openSpec: `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
            .split('')
            .map(
              (name, i) =>
                `${name}: &${name} [${Array(10)
                  .fill(`*${'abcdefg'[i] ?? ''}`)
                  .join()}]`,
            )
            .join('\n')}\n`,
        },
        /Excessive alias count/,
      ],
      ['YAML nested too deeply', { openSpec: `openrpc: ${'['.repeat(20_000)}` }, /nested too deeply/],
      [
        'YAML nested too deeply, block style',
        { openSpec: `openrpc:\n ${'- '.repeat(20_000)}` },
        /nested too deeply/,
      ],
      [
        'JSON nested too deeply',
        { openSpec: `{"a\\\\\\"[":${'['.repeat(501)}${']'.repeat(501)}}` },
        /nested too deeply/,
      ],
      [
        'YAML with more aliases than can be looked up',
        { openSpec: Array.from({ length: 30_000 }, (_, i) => `- &a${i} x\n- *a${i}`).join('\n') },
        /too large for YAML/,
      ],
      ['several YAML documents', { openSpec: 'openrpc: 1\n---\nopenrpc: 2\n' }, /several YAML documents/],
    ];
    for (const [title, entry, message] of cases) {
      it(title, async () => {
        const error = await refusal(entry);
        expect(error).to.be.instanceOf(SpecError);
        expect(error.message).to.match(message);
      });
    }

    it('YAML of more parts than a thread has memory for, before any of them is kept', async () => {
      await parseYaml('openrpc: 1.2.1', 500); // loads the parser
      const openSpec = `openrpc: 1.2.1\nx:\n${Array.from({ length: 600_000 }, (_, at) => `  k${at}: 1\n`).join('')}`;
      const before = process.memoryUsage().rss;
      const error: unknown = await parseYaml(openSpec, 500).catch((thrown: unknown) => thrown);
      expect(error)
        .to.be.instanceOf(SpecError)
        .with.property('message')
        .that.matches(/too large for YAML/);
      expect((process.memoryUsage().rss - before) / 1024 ** 2, 'MiB').to.be.below(250);
    }).timeout(30_000);

    it('a known document with the wrong protocol', async () => {
      const openspecs = openOpenspecs({ kinds: [counted('openrpc', 'openrpc')] });
      const openSpec = { openrpc: '1.2.1' };
      await openspecs.load({ openSpec });
      const error: unknown = await openspecs
        .load({ openSpec, protocol: 'openmodbus' })
        .catch((e: unknown) => e);
      expect(error)
        .to.be.instanceOf(SpecError)
        .with.property('message')
        .that.matches(/"openmodbus".*openrpc/);
      openspecs.close();
    });

    it('a bug of a kind as an internal error, a stack overflow as nesting', async () => {
      const bug = await refusal(
        { openSpec: { k: 1 } },
        { kinds: [counted('openapi', 'k', { fails: new TypeError('x') })] },
      );
      const deep = await refusal(
        { openSpec: { k: 1 } },
        { kinds: [counted('openapi', 'k', { fails: new RangeError() })] },
      );
      expect([bug.code, deep.code, deep.message]).to.deep.equal([
        'internal',
        'spec_invalid',
        'The document is nested too deeply.',
      ]);
    });
  });

  describe('reads text safely', () => {
    it('brackets in strings are no nesting', async () => {
      const kind = counted('openrpc', 'openrpc');
      const openspecs = openOpenspecs({ kinds: [kind] });
      await openspecs.load({ openSpec: { openrpc: `${'['.repeat(600)}"\\`, a: `"${'{'.repeat(600)}` } });
      expect(kind.compiled).to.have.length(1);
      openspecs.close();
    });

    it('leaves out keys that would reach a prototype, in JSON and YAML, and says so', async () => {
      for (const openSpec of [
        '{"openrpc":"1","a":{"__proto__":{"x":1},"b":2}}',
        String.raw`{"openrpc":"1","a":{"__pr\u006fto__":{"x":1},"b":2}}`,
        '{"openrpc":"1","a":{"\\u005f_proto__":{"x":1},"b":2}}',
        'openrpc: "1"\na:\n  __proto__: {x: 1}\n  b: 2\n',
      ]) {
        const kind = counted('openrpc', 'openrpc');
        const openspecs = openOpenspecs({ kinds: [kind] });
        const { spec } = await openspecs.load({ openSpec });
        const a = kind.compiled[0]?.document['a'] as JsonObject;
        expect(Object.keys(a)).to.deep.equal(['b']);
        expect(Object.getPrototypeOf(a)).to.equal(Object.prototype);
        expect(spec.warnings).to.deep.equal(['The key "__proto__" at /a was left out.', 'none']);
        openspecs.close();
      }
    });

    it('takes the last of two equal keys of a YAML mapping, with a warning', async () => {
      const kind = counted('openrpc', 'openrpc');
      const openspecs = openOpenspecs({ kinds: [kind] });
      const { spec } = await openspecs.load({ openSpec: 'openrpc: "1"\na: 1\na: 2\n' });
      expect(kind.compiled[0]?.document).to.deep.equal({ openrpc: '1', a: 2 });
      expect(spec.warnings[0]).to.equal('The key "a" stands twice in a mapping: the last one counts.');
      openspecs.close();
    });

    it('reads YAML that looks like JSON, anchors and merge keys', async () => {
      const kind = counted('openrpc', 'openrpc');
      const openspecs = openOpenspecs({ kinds: [kind] });
      await openspecs.load({ openSpec: '{openrpc: 1.2.1, a: [1, 2]}' });
      await openspecs.load({ openSpec: 'openrpc: 1.2.1\na: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 2\n' });
      expect(kind.compiled.map(({ document }) => document)).to.deep.equal([
        { openrpc: '1.2.1', a: [1, 2] },
        { openrpc: '1.2.1', a: { x: 1 }, b: { x: 1 }, c: { x: 1, y: 2 } },
      ]);
      openspecs.close();
    });
  });
});
