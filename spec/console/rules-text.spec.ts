import { expect } from 'chai';

/** Browser code is checked against the types of browsers, so that it is loaded by its name. */
const modules: Record<string, string> = {
  rules: '../../lib/console/devices/rules-text.ts',
  language: '../../lib/console/language.ts',
};
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
async function sentencesFor(language: string): Promise<string[]> {
  const known = Object.getOwnPropertyDescriptor(globalThis, 'localStorage');
  const kept = new Map([['lite-agent.language', language]]);
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true });
  try {
    const { ruleSentences } = (await import(modules['rules']!)) as {
      ruleSentences(rules: object[], words: string[]): string[];
    };
    const page = (await import(modules['language']!)) as {
      language: { value: string };
      switchLanguage(): void;
    };
    if (page.language.value !== language) page.switchLanguage();
    return ruleSentences(facts, words);
  } finally {
    if (known) Object.defineProperty(globalThis, 'localStorage', known);
    else Reflect.deleteProperty(globalThis, 'localStorage');
  }
}

describe('the rules of a device on the page', () => {
  it('are sentences of the server in English', async () => {
    expect(await sentencesFor('en')).to.deep.equal(words);
  });

  it('are sentences of the page in Chinese, without a word of the server', async () => {
    expect(await sentencesFor('zh')).to.deep.equal([
      '设备规则 1：set_*: 先询问, 当 target 高于 26, 22:00 至 06:00 之间, 另一个人, 60 秒后视为拒绝',
      '服务器规则 2：全部工具 · 写入: 禁止, 风险：高',
      '会话限制 1：全部工具: target 从 16 到 28, target 每次最多改变 3',
      '设备限制 2：start_pump: 两次调用至少相隔 30 秒',
    ]);
  });
});
