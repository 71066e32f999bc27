import { expect } from 'chai';
import { inConsoleLanguage } from '../support/console-language.ts';

const facts = [
  {
    of: 'device',
    list: 'calls',
    number: 1,
    rule: {
      tools: ['set_*'],
      when: { target: { above: 26 } },
      between: ['22:00', '06:00'],
      decision: 'ask',
      approvers: 'other',
      approvalTimeoutSeconds: 60,
    },
  },
  { of: 'server', list: 'calls', number: 2, rule: { effect: 'write', risk: 'high', decision: 'deny' } },
  { of: 'session', list: 'limits', number: 1, rule: { argument: 'target', min: 16, max: 28, maxStep: 3 } },
  { of: 'device', list: 'limits', number: 2, rule: { tools: ['start_pump'], minIntervalSeconds: 30 } },
];

const words = ['Rule 1 of the device: ask before set_*.'];

/** The sentences of the page for a browser of this language. */
function sentencesFor(language: string): Promise<string[]> {
  type Rules = { ruleSentences(rules: object[], words: string[]): string[] };
  return inConsoleLanguage(language, 'devices/rules-text.ts', (module) =>
    (module as Rules).ruleSentences(facts, words),
  );
}

describe('the rules of a device on the page', () => {
  it('are sentences of the server in English', async () => {
    expect(await sentencesFor('en')).to.deep.equal(words);
  });

  it('are sentences of the page in Chinese, without a word of the server', async () => {
    expect(await sentencesFor('zh')).to.deep.equal([
      '设备规则 1：set_*：先询问，当 target 高于 26，22:00 至 06:00 之间，另一个人，60 秒后视为拒绝',
      '服务器规则 2：全部工具 · 写入：禁止，风险：高',
      '会话限制 1：全部工具：target 从 16 到 28，target 每次最多改变 3',
      '设备限制 2：start_pump：两次调用至少相隔 30 秒',
    ]);
  });
});
