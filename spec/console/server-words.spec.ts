import { expect } from 'chai';
import { faultCodes } from '../../lib/common/coded-fault.ts';
import { readConfig } from '../../lib/config.ts';
import { rulesSchema } from '../../lib/devices/rule-schema.ts';
import { parseRules } from '../../lib/devices/parse-rules.ts';
import { AppError, type Fault } from '../../lib/errors.ts';
import { readDocument } from '../../lib/openspec/openmodbus/read-document.ts';
import { errorResult } from '../../lib/openspec/openmodbus/result.ts';
import { ModbusStatus } from '../../lib/drivers/modbus/status.ts';
import { failureWords, faultTexts, unsafeWords, wantedWords } from '../../lib/console/texts/server-words.ts';
import { packageRoot } from '../../lib/package.ts';
import { unsafeSettings } from '../../lib/unsafe.ts';
import { parseText } from '../../lib/openspec/parse.ts';
import { inConsoleLanguage } from '../support/console-language.ts';
import { documentOf, functionOf } from '../support/modbus-document.ts';
import { refusalOf } from '../support/refusal.ts';
import { readSources } from '../support/sources.ts';

interface ServerWords {
  faultText(fault: Fault): string;
  sentenceText(text: string): string;
  unsafeText(unsafe: { setting: string; detail: string }): string;
  saidFailure(failure: { code?: string; message?: string; detail?: string }): string;
}
const inWords = <T>(language: string, work: (words: ServerWords) => T): Promise<T> =>
  inConsoleLanguage(language, 'server-words.ts', (module) => work(module as ServerWords));

/** The sentences that a source notes as warnings, faults and reasons; each value is "1". */
function sentencesIn(source: string): string[] {
  const noted =
    /(?:\.fault\([^,()]+,|\bfault\('\w*',|\.warn\(|warnings\.push\(|faults\.push\(|detail:|reason:)\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g;
  return [...source.matchAll(noted)].map(([, , text = '']) =>
    text.replaceAll(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, '1'),
  );
}

/** The faults with which a work refuses its input. */
function faultsOf(work: () => unknown): readonly Fault[] {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error.faults;
    throw error;
  }
  return [];
}

describe('the words of the server on the page', () => {
  const document = (): unknown =>
    readDocument(
      documentOf([
        functionOf({ name: 'a', path: { address: 400_001, storage: 'holdingRegister' } }),
        { ...functionOf({ name: 'b' }), method: 'raed' },
        { name: 'c', method: 'read', path: { storage: 'coils', address: 0 } },
      ]),
    );
  const rules = (): unknown =>
    parseRules({ calls: [{ tool: ['x'], decision: 'never' }], limits: [{ maxCalls: 0 }], more: 1 }, '/rules');

  it('are Chinese for the faults of a document with typos', async () => {
    const said = await inWords('zh', ({ faultText }) => faultsOf(document).map(faultText));
    expect(said).to.deep.equal([
      '应为以下之一：coils, discreteInput, discreteInputs, inputRegisters, holdingRegisters（是否想写 holdingRegisters？）',
      '应为 0 到 65535 的整数。400001 像是手册里的编号，在线路上是 holdingRegisters 0 on the wire',
      '应为以下之一：read, write（是否想写 read？）',
      '缺少此项',
      '缺少此项：read 函数 需要它',
    ]);
  });

  it('are Chinese for the faults of rules', async () => {
    const said = await inWords('zh', ({ faultText }) => faultsOf(rules).map(faultText));
    expect(said).to.deep.equal([
      '未知的键；这里可用的键：calls, limits',
      '未知的键；是否想写“tools”？',
      '应为 allow、ask、deny 或 dry_run',
      '应为 1 到 1000000 的整数',
      '缺少此项：maxCalls 需要它',
    ]);
  });

  it('are Chinese for the slips of JSON and YAML that people make', async () => {
    const slips = [
      '{"a" 1}',
      '{"a":1 "b":2}',
      '{"a":[1 2]}',
      '{"a":1,}',
      '{"a":tru}',
      'a: [1',
      'a: {b: 1\nc: 2}',
      'a: b: c',
      'a:\n\t- b',
      'a:\n  b: 1\n c: 2',
      "a: 'x",
      '- a\nb: 1',
      'a: @x',
    ];
    const faults: Fault[] = [];
    for (const slip of slips) faults.push(...(await refusalOf(parseText(slip))).faults);
    const said = await inWords('zh', ({ faultText }) => faults.map(faultText));
    expect(said).to.have.length(slips.length);
    expect(said.filter((words) => !/^第 \d+ 行第 \d+ 列：.*\p{Script=Han}/u.test(words))).to.deep.equal([]);
  });

  it('are the words of the server in English, and where a fault has no code', async () => {
    const faults = [...faultsOf(document), ...faultsOf(rules)];
    expect(await inWords('en', ({ faultText }) => faults.map(faultText))).to.deep.equal(
      faults.map(({ detail }) => detail),
    );
    const plain = { pointer: '/a', detail: 'is odd' };
    expect(await inWords('zh', ({ faultText }) => faultText(plain))).to.equal('is odd');
  });

  it('are Chinese for every code of a fault, and for every value that the schema of rules asks for', () => {
    expect(Object.keys(faultTexts)).to.have.members(faultCodes);
    const wanted = [...JSON.stringify(rulesSchema).matchAll(/"description":("(?:[^"\\\\]|\\\\.)*")/g)].map(
      ([, text = '']) => JSON.parse(text) as string,
    );
    const missing = wanted.filter((text) => !(text in wantedWords) && !text.startsWith('a list of at most'));
    expect(missing).to.deep.equal([]);
  });

  it('are Chinese for the sentences without a code: warnings, rarer faults, reasons why an operation is no tool', async () => {
    const sentences = readSources(packageRoot(), ['lib/openspec', 'lib/devices'])
      .filter(({ path }) => !/\/simulator\/|\/(?:audit-heads|check-audit|value-faults)\.ts$/.test(path))
      .flatMap(({ text }) => sentencesIn(text))
      .filter((text) => /\p{L}/u.test(text.replaceAll(/^The file 1 1\.$/g, ''))); // its reasons are sentences of their own
    expect(sentences.length).to.be.above(50);
    const said = await inWords('zh', ({ sentenceText }) =>
      sentences.map((text) => [text, sentenceText(text)]),
    );
    const plain = said.filter(([, words = '']) => !/\p{Script=Han}/u.test(words)).map(([text]) => text);
    expect(plain).to.deep.equal([]);
  });

  it('keep the place and the values of a sentence', async () => {
    const said = await inWords('zh', ({ sentenceText }) =>
      [
        '/functions/0/path: count: int32 takes 2 registers: 2 are used instead of 1',
        '/openSpecList/0/credentials/kye: the document has no security scheme of this name, and the key is not sent; did you mean "key"?',
        'GET /state: left out by include or exclude',
        'Something else: 1 of 2.',
      ].map(sentenceText),
    );
    expect(said).to.deep.equal([
      '/functions/0/path: count: int32 占 2 个寄存器：使用 2 个，而不是 1 个',
      '/openSpecList/0/credentials/kye: 文档没有这个名称的安全方案，密钥不会发送；是否想写“key”？',
      'GET /state: 已被 include 或 exclude 排除',
      'Something else: 1 of 2.',
    ]);
  });

  it('are Chinese for every setting that may be unsafe', async () => {
    const env = {
      HOST: '0.0.0.0',
      AUTH_TOKEN: 'a-token-of-the-operator-0123456789abcdef',
      TRUSTED_PROXIES: '0.0.0.0/0',
      EGRESS_ALLOW: '*',
      SERIAL_ALLOW: '*',
      METRICS: 'open',
      REGISTRATION: 'open',
    };
    const behind = { AUTH: 'none', PUBLIC_URL: 'https://agent.example' };
    const unsafe = [env, behind].flatMap((one) => unsafeSettings(readConfig({ env: one, cwd: '/nowhere' })));
    expect(new Set(unsafe.map(({ setting }) => setting))).to.deep.equal(new Set(Object.keys(unsafeWords)));
    const said = await inWords('zh', ({ unsafeText }) => unsafe.map(unsafeText));
    expect(said.filter((text) => !/\p{Script=Han}/u.test(text))).to.deep.equal([]);
  });

  it('are Chinese for every way a Modbus call fails', () => {
    const { OK: _ok, ...failures } = ModbusStatus;
    const codes = Object.values(failures).map(
      (status) =>
        (errorResult(status, '', { sent: false, unknown: false })['error'] as { code: string }).code,
    );
    expect(codes.filter((code) => !(code in failureWords))).to.deep.equal([]);
  });

  it('are Chinese for failures of calls, with the words of the server behind', async () => {
    const said = await inWords('zh', ({ saidFailure }) => [
      saidFailure({ code: 'REQUEST_TIMEOUT', detail: 'no answer in 3000 ms' }),
      saidFailure({ code: 'denied_by_rule', message: 'Rule 1 of the device denies it.' }),
      saidFailure({ code: 'unheard_of', message: 'Odd.' }),
    ]);
    expect(said).to.deep.equal([
      '设备没有及时回答（no answer in 3000 ms）',
      '规则禁止此调用（Rule 1 of the device denies it.）',
      'Odd.',
    ]);
  });
});
