import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { exportedNames, functionLengths } from './support/source-shape.ts';
import { cyclesOf, loadedWith, parseSource, readSources, type Source } from './support/sources.ts';

/**
 * Who may import whom at run time; a layer is a folder of lib, or a file beside them. Types of `config` and `log` are
 * open to all but core, which knows nothing but errors.
 */
const layers: Record<string, readonly string[]> = {
  'secret-forms': [],
  secrets: ['secret-forms'],
  errors: ['secrets'],
  common: ['errors'],
  settings: [],
  package: [],
  'setting-values': ['common'],
  'env-file': ['errors'],
  'data-folder': ['common', 'secrets'],
  unsafe: [],
  config: ['errors', 'common', 'secrets', 'settings', 'setting-values', 'env-file'],
  log: ['errors', 'common', 'secrets', 'settings'],
  core: ['errors', 'common', 'secrets'],
  drivers: ['errors', 'common', 'core'],
  simulate: ['errors', 'common'],
  models: ['core', 'errors', 'common', 'secrets'],
  store: ['core', 'errors', 'common'],
  backup: ['store', 'package', 'errors', 'common'],
  accounts: ['core', 'store', 'errors', 'common'],
  agents: ['core', 'store', 'errors', 'common'],
  files: ['core', 'store', 'errors', 'common'],
  memory: ['core', 'store', 'errors', 'common'],
  credits: ['core', 'store', 'errors', 'common'],
  chats: ['core', 'credits', 'store', 'errors', 'common'],
  devices: ['core', 'store', 'accounts', 'openspec', 'errors', 'common', 'secrets'],
  openspec: ['core', 'drivers', 'simulate', 'errors', 'common', 'secrets', 'package'],
  server: ['core', 'accounts', 'errors', 'common'],
  metrics: ['core', 'server', 'errors', 'common'],
  tracing: ['core', 'server', 'errors', 'common'],
  console: [],
  dialects: [
    'server',
    'core',
    'accounts',
    'agents',
    'files',
    'memory',
    'credits',
    'chats',
    'devices',
    'models',
    'store',
    'openspec',
    'metrics',
    'drivers',
    'package',
    'unsafe',
    'errors',
    'common',
  ],
};

/**
 * The files of core from the bottom to the top. A file imports only files that stand before it, types included. The README of lib
 * says what each layer is for.
 */
const core: Record<string, readonly string[]> = {
  data: ['message', 'principal'],
  ports: ['tool', 'model', 'session-config', 'session', 'store', 'kept-session', 'command', 'observer'],
  pure: [
    'tokens',
    'marks',
    'turns',
    'clip',
    'argument-check',
    'complete-arguments',
    'toolbox',
    'role-order',
    'transcript-part',
    'transcript',
  ],
  agent: [
    'direct-model',
    'client-tools',
    'tool-choice',
    'equipment',
    'task-context',
    'call-limits',
    'call-order',
    'ask-client',
    'clear-call',
    'calls',
    'run-task',
  ],
  owner: [
    'feed',
    'journal',
    'questions',
    'controls',
    'log-pages',
    'session-log',
    'task-run',
    'task-size',
    'task-deadline',
    'owned-task',
    'owned-run',
    'task-list',
    'owner',
  ],
  session: ['until', 'ownership', 'queue-entrance', 'session-room', 'live-session', 'upkeep'],
  top: ['ask', 'children', 'halt', 'sessions'],
};
const coreOrder = Object.values(core).flat();

const everything = new Set([
  'app',
  'equip',
  'removals',
  'turn-limits',
  'extensions',
  'defaults',
  'default-extensions',
  'observation',
  'openspecs',
  'index',
  'cli',
]);
const openTypes = new Set(['config', 'log', 'settings']);

/** Packages that only some layers may know, by the layer or file that may. */
const packages: Record<string, readonly string[]> = {
  '@modelcontextprotocol/sdk': ['lib/dialects/mcp/', 'lib/drivers/mcp/', 'lib/cli/mcp-bridge.ts'],
  express: ['lib/server/', 'lib/dialects/'],
  'path-to-regexp': ['lib/server/'],
  cookie: ['lib/dialects/'],
  busboy: ['lib/dialects/'],
  'file-type': ['lib/files/'],
  ws: ['lib/server/sockets.ts', 'lib/cli/'],
  commander: ['lib/cli/'],
  pino: ['lib/log.ts'],
  'pino-pretty': ['lib/log.ts'],
  'string-width': ['lib/cli/'],
  openai: ['lib/models/'],
  'eventsource-parser': ['lib/models/', 'lib/drivers/mcp/'],
  undici: ['lib/drivers/'],
  'modbus-serial': ['lib/drivers/modbus/'],
  'better-sqlite3': ['lib/store/'],
  pg: ['lib/store/'],
  jsonwebtoken: ['lib/accounts/'],
  '@node-rs/argon2': ['lib/accounts/'],
  'openid-client': ['lib/accounts/'],
  kysely: [
    'lib/store/',
    'lib/accounts/',
    'lib/agents/',
    'lib/files/',
    'lib/memory/',
    'lib/credits/',
    'lib/chats/',
    'lib/devices/',
  ],
  '@aws-sdk/client-s3': ['lib/files/'],
  '@aws-sdk/s3-request-presigner': ['lib/files/'],
  '@aws-sdk/lib-storage': ['lib/files/'],
  sharp: ['lib/files/'],
  'prom-client': ['lib/metrics/'],
  'tar-stream': ['lib/backup/'],
  '@opentelemetry/api': ['lib/tracing/'],
  '@opentelemetry/resources': ['lib/tracing/'],
  '@opentelemetry/sdk-trace-node': ['lib/tracing/'],
  '@opentelemetry/exporter-trace-otlp-http': ['lib/tracing/'],
  preact: ['lib/console/'],
  '@preact/signals': ['lib/console/'],
  '@tanstack/virtual-core': ['lib/console/'],
  uplot: ['lib/console/'],
  re2js: ['lib/common/linear-pattern.ts'],
  '@eslint-community/regexpp': ['lib/common/linear-pattern.ts', 'lib/common/re2-syntax.ts'],
};

/** Packages so heavy that they are loaded when they are needed, never at start. */
const heavy = new Set([
  '@modelcontextprotocol/sdk',
  'openai',
  '@apidevtools/swagger-parser',
  'serialport',
  'pg',
  'pino',
  'pino-pretty',
  'gpt-tokenizer',
  'jsonwebtoken',
  '@node-rs/argon2',
  'openid-client',
  '@aws-sdk/client-s3',
  '@aws-sdk/s3-request-presigner',
  '@aws-sdk/lib-storage',
  'sharp',
  'file-type',
  '@opentelemetry/api',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-node',
  '@opentelemetry/exporter-trace-otlp-http',
]);

/** `lib/core/task.ts` → `core`, `lib/app.ts` → `app`, `bin/…` → `bin`. */
function layerOf(path: string): string {
  return path.startsWith('bin/') ? 'bin' : (/^lib\/([^/.]+)/.exec(path)?.[1] ?? path);
}

/** Whether a file is the start of a program: of a process, or of the page in a browser. */
function isProgram(path: string): boolean {
  return layerOf(path) === 'bin' || path === 'lib/console/main.tsx';
}

function layeringFaults({ path, imports }: Source): string[] {
  const layer = layerOf(path);
  if (everything.has(layer)) return [];
  const allowed = layer === 'bin' ? ['cli', 'openspec'] : layers[layer];
  if (allowed === undefined) return [`${path}: ${layer} has no row in the table of layers`];
  return imports
    .filter(({ target, ours, typeOnly }) => {
      const other = layerOf(target);
      if (!ours || other === layer || allowed.includes(other)) return false;
      return !(typeOnly && layer !== 'core' && openTypes.has(other));
    })
    .concat(layer === 'dialects' ? imports.filter(({ target }) => target === 'lib/server/sockets.ts') : [])
    .map(({ target }) => `${path} imports ${target}`);
}

/** Imports within core that do not lead downwards. */
function coreFaults({ path, imports }: Source): string[] {
  if (layerOf(path) !== 'core') return [];
  const place = (file: string): number => coreOrder.indexOf(file.slice('lib/core/'.length, -'.ts'.length));
  if (place(path) < 0) return [`${path} has no place in the order of core`];
  return imports
    .filter(({ target, ours }) => ours && layerOf(target) === 'core' && place(target) >= place(path))
    .map(({ target }) => `${path} imports ${target}`);
}

function packageFaults({ path, imports }: Source): string[] {
  return imports.flatMap(({ target, ours, typeOnly }) => {
    const places = ours || typeOnly ? undefined : packages[target];
    return places === undefined || places.some((place) => path.startsWith(place))
      ? []
      : [`${path} imports ${target}`];
  });
}

/** Heavy packages that are loaded as soon as the program or its composition root is. */
function earlyLoads(all: readonly Source[]): string[] {
  return loadedWith(all, ['bin/lite-agent.ts', 'lib/app.ts', 'lib/index.ts']).flatMap(({ path, imports }) =>
    imports.flatMap(({ target, ours, typeOnly, lazy }) =>
      !ours && !typeOnly && !lazy && heavy.has(target) ? [`${path} loads ${target} at start`] : [],
    ),
  );
}

/** What is done, not declared, at a file's top level: a statement at the start of a line. */
function topLevelActs({ path, text }: Source): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/`(?:[^`\\]|\\.)*`/g, '``');
  return code
    .split('\n')
    .filter((line) => /^[^\s})\]/*|&;,>]/.test(line))
    .filter(
      (line) =>
        !/^(import|export|const|let|function|async function|function\*|class|interface|type|declare)\b/.test(
          line,
        ),
    )
    .map((line) => `${path}: ${line}`);
}

/** Exported names that may stand in several files, each with the reason. */
const sharedNames: Record<string, string> = {};

/** Functions longer than a screen, each with the reason. */
const longFunctions: Record<string, string> = {
  'lib/config.ts readConfig': 'one line for each setting, in the order of the table of settings',
};
const FUNCTION_LINES_MAX = 60;

/** Names that are exported by more than one file. */
function duplicateNames(all: readonly Source[]): string[] {
  const files = new Map<string, string[]>();
  for (const source of all)
    for (const { name } of exportedNames(source)) files.set(name, [...(files.get(name) ?? []), source.path]);
  return [...files]
    .filter(([name, paths]) => paths.length > 1 && !(name in sharedNames))
    .map(([name, paths]) => `${name}: ${paths.join(', ')}`);
}

/** Exports without a doc comment. */
function undocumentedNames(source: Source): string[] {
  return exportedNames(source)
    .filter(({ hasDoc }) => !hasDoc)
    .map(({ name, line }) => `${source.path}:${line} ${name}`);
}

/** Functions whose own body is longer than a screen. */
function overlongFunctions(source: Source): string[] {
  return functionLengths(source)
    .filter(({ name, lines }) => lines > FUNCTION_LINES_MAX && !(`${source.path} ${name}` in longFunctions))
    .map(({ name, line, lines }) => `${source.path}:${line} ${name} has ${lines} lines`);
}

describe('the architecture', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const sources = readSources(root, ['bin', 'lib']);
  const specs = readSources(root, ['spec', 'examples']);

  it('is read from every source file', function () {
    const scanned = [...sources, ...specs].map(({ path }) => path);
    expect(scanned.length).to.be.above(20);
    expect(sources.flatMap(({ imports }) => imports).length).to.be.above(sources.length);
    if (!existsSync(join(root, '.git'))) this.skip(); // an unpacked archive: nobody else knows the files
    const args = ['ls-files', '-co', '--exclude-standard', '--deduplicate', '--', '*.ts', '*.tsx'];
    const known = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim().split('\n');
    expect(scanned).to.have.members(known.filter((path) => existsSync(join(root, path))));
  });

  it('keeps every layer to the layers it may import', () => {
    expect(sources.flatMap(layeringFaults)).to.deep.equal([]);
  });

  it('keeps every file of core to the files below it, types included', () => {
    expect(sources.flatMap(coreFaults)).to.deep.equal([]);
    const files = sources.filter(({ path }) => layerOf(path) === 'core').map(({ path }) => path);
    expect(coreOrder.map((name) => `lib/core/${name}.ts`)).to.have.members(files);
  });

  it('keeps packages to the parts they are made for, and loads heavy ones late', () => {
    expect(sources.flatMap(packageFaults)).to.deep.equal([]);
    expect(earlyLoads(sources)).to.deep.equal([]);
  });

  it('has no cycles', () => {
    expect(cyclesOf(sources)).to.deep.equal([]);
  });

  it('reads the environment in config and bin only', () => {
    const readers = sources.filter(({ text }) => /\bprocess\.env\b/.test(text)).map(({ path }) => path);
    expect(readers.filter((path) => path !== 'lib/config.ts' && layerOf(path) !== 'bin')).to.deep.equal([]);
  });

  it('has named exports only', () => {
    const faults = sources
      .filter(({ text }) => /^export default\b|\bas default\b/m.test(text))
      .map(({ path }) => path);
    expect(faults).to.deep.equal([]);
  });

  it('does nothing when a file is imported', () => {
    expect(sources.filter(({ path }) => !isProgram(path)).flatMap(topLevelActs)).to.deep.equal([]);
  });

  it('has one file for each exported name', () => {
    expect(duplicateNames(sources)).to.deep.equal([]);
  });

  it('has a doc comment on every export', () => {
    expect(sources.flatMap(undocumentedNames)).to.deep.equal([]);
  });

  /** The files that call a tool, each with the reason why no call goes round the people in command. */
  const callers: Record<string, string> = {
    'lib/core/calls.ts': 'asks the command before each call',
    'lib/core/toolbox.ts': 'is called by core/calls, and by the command line for documents of its own',
    'lib/devices/device-tools.ts': 'stands before the tool of a device, and refuses more',
    'lib/devices/check-reach.ts': 'reads only',
    'lib/cli/call.ts': 'a document that somebody names on the command line: no device of the server',
    'lib/cli/watch.ts': 'the same, and reads only',
    'lib/cli/device-document.ts': 'reads of a device, for watch',
  };

  it('has one door to the devices: every file that calls a tool says why it goes round nobody', () => {
    const callsTool = /\b#?tool!?\.call\(|\btoolbox\.send\(/;
    const found = sources.filter(({ text }) => callsTool.test(text)).map(({ path }) => path);
    expect(found).to.have.members(Object.keys(callers));
  });

  it('has functions that fit on a screen', () => {
    expect(sources.flatMap(overlongFunctions)).to.deep.equal([]);
  });

  it('is described by a page that names files and functions which exist', () => {
    const page = readFileSync(join(root, 'lib/README.md'), 'utf8');
    const steps = [...page.matchAll(/^\| \d+ \| `([^`]+)` \| `([^`]+)` \|/gm)];
    const missing = steps.filter(
      ([, file, name = '']) => !sources.find(({ path }) => path === `lib/${file}`)?.text.includes(`${name}(`),
    );
    expect(steps.length).to.be.within(5, 12);
    expect(missing.map(([line]) => line)).to.deep.equal([]);
    const layers = [...page.matchAll(/^\| (data|ports|pure|agent|owner|session|top) \| ([^|]+) \|/gm)];
    const named = layers.flatMap(([, , files = '']) =>
      [...files.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    expect(named.filter((name) => !coreOrder.includes(name ?? ''))).to.deep.equal([]);
    expect(coreOrder.filter((name) => !named.includes(name) && name !== 'transcript-part')).to.deep.equal([]);
  });

  it('has names that say what a thing is', () => {
    const vague = /(Manager|Service|Handler|Helper|Util|Utils|Base|Impl|Info)$/;
    const names = sources.flatMap(({ path, text }) => [
      path.replace(/\.tsx?$/, ''),
      ...[...text.matchAll(/^export (?:async )?(?:function|const|class|interface|type) (\w+)/gm)].map(
        ([, name = '']) => name,
      ),
    ]);
    expect(names.filter((name) => vague.test(name))).to.deep.equal([]);
    expect(names.length).to.be.above(sources.length);
  });

  /** Files that are longer, each with the reason. */
  const longFiles: Record<string, number> = {
    'lib/core/owner.ts': 395, // the state machine and its table are read as one page
  };

  it('has files of at most 300 lines, specs of 500', () => {
    const longerThan = (most: number, { path, text }: Source) => {
      const lines = text.split('\n').length - 1;
      return lines > (longFiles[path] ?? most) ? [`${path}: ${lines}`] : [];
    };
    expect(sources.flatMap((source) => longerThan(300, source))).to.deep.equal([]);
    expect(specs.flatMap((source) => longerThan(500, source))).to.deep.equal([]);
  });

  describe('would notice', () => {
    it('a layer that reaches up, and a layer without a row', () => {
      const bad = parseSource(
        'lib/core/x.ts',
        `import { a } from '../server/web.ts';\nimport type { Log } from '../log.ts';\n`,
      );
      expect(layeringFaults(bad)).to.deep.equal([
        'lib/core/x.ts imports lib/server/web.ts',
        'lib/core/x.ts imports lib/log.ts',
      ]);
      expect(layeringFaults(parseSource('lib/misc/x.ts', ''))).to.have.length(1);
      const lazy = parseSource('lib/drivers/x.ts', `const { a } = await import('../store/index.ts');\n`);
      expect(layeringFaults(lazy)).to.deep.equal(['lib/drivers/x.ts imports lib/store/index.ts']);
      const types = parseSource('lib/server/x.ts', `import { type Log, type OpenLog } from '../log.ts';\n`);
      expect(layeringFaults(types)).to.deep.equal([]);
      const sockets = parseSource('lib/dialects/x.ts', `export { send } from '../server/sockets.ts';\n`);
      expect(layeringFaults(sockets)).to.include('lib/dialects/x.ts imports lib/server/sockets.ts');
    });

    it('a file of core that looks up, also for a type, and one without a place', () => {
      const up = parseSource('lib/core/calls.ts', `import type { Owner } from './owner.ts';\n`);
      expect(coreFaults(up)).to.deep.equal(['lib/core/calls.ts imports lib/core/owner.ts']);
      const down = parseSource('lib/core/owner.ts', `import type { Round } from './calls.ts';\n`);
      expect(coreFaults(down)).to.deep.equal([]);
      expect(coreFaults(parseSource('lib/core/new.ts', ''))).to.deep.equal([
        'lib/core/new.ts has no place in the order of core',
      ]);
    });

    it('a misplaced package and a heavy one at start', () => {
      const bad = parseSource(
        'lib/core/x.ts',
        `import OpenAI from 'openai';\nimport type { WebSocket } from 'ws';\n`,
      );
      expect(packageFaults(bad)).to.deep.equal(['lib/core/x.ts imports openai']);
      const early = parseSource('lib/app.ts', `import { a } from './core/x.ts';\n`);
      expect(earlyLoads([early, bad])).to.deep.equal(['lib/core/x.ts loads openai at start']);
      const late = parseSource('lib/app.ts', `const { a } = await import('./core/x.ts');\n`);
      expect(earlyLoads([late, bad])).to.deep.equal([]);
    });

    it('a cycle of values, not of types', () => {
      const a = parseSource('lib/a.ts', `import {\n  b,\n  type B,\n} from './b.ts';\n`);
      const b = parseSource('lib/b.ts', `import { a } from './a.ts';\n`);
      expect(cyclesOf([a, b])).to.deep.equal(['lib/a.ts → lib/b.ts → lib/a.ts']);
      expect(cyclesOf([a, parseSource('lib/b.ts', `import type { A } from './a.ts';\n`)])).to.deep.equal([]);
    });

    it('a name in two files, an export without a doc comment, and a function that is too long', () => {
      const documented = parseSource('lib/a.ts', `/** Says hello. */\nexport function greet() {}\n`);
      const bare = parseSource('lib/b.ts', `// Not a doc comment.\nexport const greet = 1, bye = 2;\n`);
      expect(duplicateNames([documented, bare])).to.deep.equal(['greet: lib/a.ts, lib/b.ts']);
      expect([documented, bare].flatMap(undocumentedNames)).to.deep.equal([
        'lib/b.ts:2 greet',
        'lib/b.ts:2 bye',
      ]);
      const body = '  act();\n'.repeat(FUNCTION_LINES_MAX);
      const long = parseSource('lib/c.ts', `function long() {\n${body}}\n`);
      expect(overlongFunctions(long)).to.deep.equal([`lib/c.ts:1 long has ${FUNCTION_LINES_MAX + 2} lines`]);
      const inner = parseSource('lib/d.ts', `function outer() {\n  return () => {\n${body}  };\n}\n`);
      expect(overlongFunctions(inner)).to.have.length(1);
    });

    it('an act at the top level', () => {
      const bad = parseSource(
        'lib/x.ts',
        `/** Doc. */\nexport const a = 1;\nstart(a);\nlet b = 2;\nawait b;\nfunction f() {\n  start();\n}\n`,
      );
      expect(topLevelActs(bad)).to.deep.equal(['lib/x.ts: start(a);', 'lib/x.ts: await b;']);
    });
  });
});
