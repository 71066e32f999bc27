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
import { unsafeSettings } from '../../lib/unsafe.ts';
import { inConsoleLanguage } from '../support/console-language.ts';
import { documentOf, functionOf } from '../support/modbus-document.ts';

interface ServerWords {
  faultText(fault: Fault): string;
  unsafeText(unsafe: { setting: string; detail: string }): string;
  saidFailure(failure: { code?: string; message?: string; detail?: string }): string;
}
const inWords = <T>(language: string, work: (words: ServerWords) => T): Promise<T> =>
  inConsoleLanguage(language, 'server-words.ts', (module) => work(module as ServerWords));

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
