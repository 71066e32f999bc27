import { expect } from 'chai';
import type { ToolResult } from '../../lib/core/message.ts';
import type { ModelMessage, ToolOffer } from '../../lib/core/model.ts';
import { createDemoModel } from '../../lib/models/demo.ts';
import { ask, askStreamed, sentence } from '../support/model-asking.ts';
import { airConditioner, lights, robot } from '../support/model-devices.ts';

const model = createDemoModel();
const everything = [...airConditioner, ...lights, ...robot];

/** The answer to a sentence whose calls come back with these results, in order. */
async function answerTo(
  text: string,
  results: ToolResult[],
  tools: readonly ToolOffer[] = everything,
): Promise<string> {
  const messages: ModelMessage[] = [...sentence(text).messages];
  const left = [...results];
  for (;;) {
    const reply = await ask(model, { messages, tools });
    if (reply.calls.length === 0) {
      expect(left).to.deep.equal([]);
      return reply.text;
    }
    messages.push({ role: 'assistant', text: reply.text, calls: reply.calls });
    for (const { callId } of reply.calls) messages.push({ role: 'tool', callId, result: left.shift() ?? {} });
  }
}

describe('the demo model answers', () => {
  const table: [title: string, sentence: string, results: ToolResult[], answer: string][] = [
    [
      'a reading with its unit',
      'How warm is it?',
      [{ room_temperature: 23.5 }],
      'Room temperature: 23.5 °C.',
    ],
    [
      'a register with its unit',
      'What is the target temperature?',
      [
        {
          statusCode: 0,
          value: 21.5,
          message: 'target_temperature: 21.5℃',
          name: 'target_temperature',
          uom: '℃',
        },
      ],
      'Target temperature: 21.5 ℃.',
    ],
    [
      'why a register was not written',
      'Turn on the AC',
      [
        {
          statusCode: 228,
          value: null,
          error: { code: 'CONNECT', detail: 'nobody listens', effect: 'none' },
        },
      ],
      'Set power failed: nobody listens.',
    ],
    ['in Chinese', '现在室温多少？', [{ room_temperature: 23.5 }], '读取当前室温：23.5 °C。'],
    [
      'a change',
      'Set the temperature to 22.5 degrees',
      [{ statusCode: 200, body: '' }],
      'Done: Set target temperature (target temperature 22.5).',
    ],
    [
      'a change in Chinese',
      '把温度调到24度',
      [{ ok: true }],
      '已完成：设置空调目标温度（target temperature 24）。',
    ],
    [
      'what an HTTP device says',
      'Is the kitchen light on?',
      [{ statusCode: 200, body: '{"room":"kitchen","power":"on","brightness":40}' }],
      'Light: room kitchen, power on, brightness 40.',
    ],
    [
      'a list',
      'List all lights',
      [{ statusCode: 200, body: '[{"room":"kitchen","power":"on"},{"room":"bedroom","power":"off"}]' }],
      'List lights: room kitchen, power on; room bedroom, power off.',
    ],
    [
      'a whole number that a JavaScript number cannot hold, with each digit',
      'List all lights',
      [{ statusCode: 200, body: '[{"room":"kitchen","serial":2512292042121000001}]' }],
      'List lights: room kitchen, serial 2512292042121000001.',
    ],
    [
      'what JSON-RPC wraps',
      'Send the robot to shelf 7 and tell me its battery',
      [
        { statusCode: 200, body: '{"jsonrpc":"2.0","id":1,"result":{"shelf":7}}' },
        { statusCode: 200, body: '{"jsonrpc":"2.0","id":2,"result":81}' },
      ],
      'Done: Robot move to shelf (shelf 7). Robot battery: 81 %.',
    ],
    [
      'that a change failed, and takes no further step',
      'Send the robot to shelf 5, then pick 2 items',
      [
        {
          statusCode: 200,
          body: '{"jsonrpc":"2.0","id":1,"error":{"code":1001,"message":"battery too low"}}',
          error: { code: '1001', message: 'battery too low', effect: 'none' },
        },
      ],
      'Robot move to shelf failed: battery too low. So the next step was not taken.',
    ],
    [
      'that a change may have happened',
      '打开空调',
      [{ error: { code: 'ETIMEDOUT', message: 'no answer', effect: 'unknown' } }],
      '打开或关闭空调失败：no answer（不确定设备是否已改变，请检查）。',
    ],
    [
      'an HTTP error',
      'Turn off the kitchen light',
      [{ statusCode: 404, body: '{"message":"no such room"}' }],
      'Switch light failed: HTTP 404 no such room.',
    ],
    [
      'what is missing',
      'Turn on the light',
      [],
      'For "Turn on the light" I would use switch_light, but I need room (living-room, kitchen, bedroom).',
    ],
    [
      'what range a value has',
      '把温度调到80度',
      [],
      '“把温度调到80度”：使用 set_target_temperature 还需要 target_temperature (16–30)。',
    ],
    [
      'that it was told not to',
      "Don't turn on the kitchen light",
      [],
      'I did nothing for "Don\'t turn on the kitchen light": it says not to.',
    ],
    [
      'that conditions are beyond it',
      'Turn on the kitchen light tomorrow',
      [],
      'I did nothing for "Turn on the kitchen light tomorrow": conditions and times are beyond the offline demo model.',
    ],
    [
      'that relative changes are beyond it',
      '把温度调高两度',
      [],
      '“把温度调高2度”没有执行：离线演示模型只能设置明确给出的值。',
    ],
    [
      'for the part that it understood, and names the other',
      'How warm is it and sing me a song?',
      [{ room_temperature: 20 }],
      'Room temperature: 20 °C. I did nothing for "sing me a song": the offline demo model found no tool that fits.',
    ],
  ];
  for (const [title, text, results, answer] of table)
    it(title, async () => {
      expect(await answerTo(text, results)).to.equal(answer);
    });

  it('with a description of itself and the tools, when nothing fits', async () => {
    expect(await answerTo('Sing me a song', [], robot.slice(0, 2))).to.equal(
      [
        'I am the offline demo model, not a language model: I match words with tools, and found no match here. There is:',
        '- robot_status: Where the warehouse robot is and what it carries (查询机器人状态)',
        "- robot_battery: The charge of the robot's battery in percent (查询机器人电量)",
        'For a real model set baseUrl, apiKey and model in .env.local, or llmConfig in /init.',
      ].join('\n'),
    );
    expect(await answerTo('唱首歌', [], robot.slice(1, 2))).to.match(
      /^我是离线演示模型，不是语言模型.*\n- robot_battery: 查询机器人电量\n/s,
    );
    expect(await answerTo('Please stop the robot', [])).to.match(/^I am the offline demo model/);
    expect(await answerTo('Hello', [], [])).to.contain('This session has no tools.');
  });

  it('in pieces that make up the whole, the same every time', async () => {
    const first = await askStreamed(model, sentence('你好, hello', lights));
    const second = await askStreamed(model, sentence('你好, hello', lights));
    expect(first).to.deep.equal(second);
    expect(first.deltas.join('')).to.equal(first.reply.text);
    expect(first.deltas.length).to.be.greaterThan(10);
  });

  it('with the argument that "it" means', async () => {
    const messages: ModelMessage[] = [
      ...sentence('Turn on the kitchen light').messages,
      {
        role: 'assistant',
        text: '',
        calls: [{ callId: 'a', name: 'switch_light', arguments: { room: 'kitchen', power: 'on' } }],
      },
      { role: 'tool', callId: 'a', result: {} },
      { role: 'assistant', text: 'Done.', calls: [] },
      ...sentence('Set its brightness to 40 %').messages,
    ];
    const { calls } = await ask(model, { messages, tools: lights });
    expect(calls.map(({ name, arguments: args }) => [name, args])).to.deep.equal([
      ['set_light_brightness', { room: 'kitchen', brightness: 40 }],
    ]);
  });

  it('a picture without words', async () => {
    const messages: ModelMessage[] = [
      { role: 'user', content: [{ type: 'image', url: 'https://example.com/a.png' }] },
    ];
    expect((await ask(model, { messages, tools: [] })).text).to.match(/^I am the offline demo model/);
  });

  it('a conversation without a user', async () => {
    expect((await ask(model, { messages: [], tools: [] })).text).to.match(/^I am the offline demo model/);
  });
});
