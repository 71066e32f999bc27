import { expect } from 'chai';
import type { ModelMessage, ToolOffer } from '../../lib/core/model.ts';
import { createDemoModel } from '../../lib/models/demo.ts';
import { ask, sentence } from '../support/model-asking.ts';
import { airConditioner, lights, otherDevices, robot } from '../support/model-devices.ts';

const model = createDemoModel();
const everything = [...airConditioner, ...lights, ...robot];

/** All calls that a sentence leads to, a round a list, when every call succeeds. */
async function callsOf(text: string, tools: readonly ToolOffer[]): Promise<string[][]> {
  const { messages } = sentence(text);
  const log: ModelMessage[] = [...messages];
  const rounds: string[][] = [];
  for (let round = 0; round < 20; round++) {
    const { calls } = await ask(model, { messages: log, tools });
    if (calls.length === 0) return rounds;
    rounds.push(
      calls.map(({ name, arguments: args }) =>
        `${name} ${Object.values(args as Record<string, string>).join(' ')}`.trim(),
      ),
    );
    log.push({ role: 'assistant', text: '', calls });
    for (const { callId } of calls) log.push({ role: 'tool', callId, result: { ok: true } });
  }
  throw new Error('the demo model does not come to an end');
}

describe('the demo model calls the tool that is meant', () => {
  const table: [sentence: string, ...rounds: (string | string[])[]][] = [
    // asking
    ['How warm is it in here?', 'read_room_temperature'],
    ['What is the current temperature?', 'read_room_temperature'],
    ['what is the temperature right now', 'read_room_temperature'],
    ["What's the target temperature?", 'get_target_temperature'],
    ['What temperature is the AC set to?', 'get_target_temperature'],
    ['Is the air conditioner on?', 'get_power'],
    ['Which mode is the air conditioner in?', 'get_mode'],
    ['Which lights are on?', 'list_lights'],
    ['List all lights', 'list_lights'],
    ['Is the kitchen light on?', 'get_light kitchen'],
    ['Show me the state of the living room light', 'get_light living-room'],
    ['Where is the robot?', 'robot_status'],
    ['How much battery does the robot have left?', 'robot_battery'],
    ['Could you tell me the battery of the robot?', 'robot_battery'],
    ['现在室内温度是多少？', 'read_room_temperature'],
    ['房间里有多热', 'read_room_temperature'],
    ['空调的目标温度是多少', 'get_target_temperature'],
    ['空调开着吗？', 'get_power'],
    ['查询所有的灯', 'list_lights'],
    ['厨房的灯开了吗', 'get_light kitchen'],
    ['机器人还有多少电量？', 'robot_battery'],
    ['机器人在哪里', 'robot_status'],
    // changing
    ['Set the temperature to 22.5 degrees', 'set_target_temperature 22.5'],
    ['Please set the air conditioner to 24 °C.', 'set_target_temperature 24'],
    ['Can you set the target temperature to twenty-one degrees?', 'set_target_temperature 21'],
    ['raise the temperature to 26', 'set_target_temperature 26'],
    ['Turn on the air conditioner', 'set_power true'],
    ['Could you please switch the AC off?', 'set_power false'],
    ['Set the air conditioner mode to heat', 'set_mode heat'],
    ['put the AC in cool mode', 'set_mode cool'],
    ['Turn off the kitchen light', 'switch_light kitchen off'],
    ['Switch the bedroom lamp on', 'switch_light bedroom on'],
    ['kitchen light off', 'switch_light kitchen off'],
    ['Dim the living room light to 30%', 'set_light_brightness living-room 30'],
    ['Set the kitchen light to half brightness', 'set_light_brightness kitchen 50'],
    ['Make the bedroom light blue', 'set_light_color bedroom blue'],
    ['Send the robot to shelf 7', 'robot_moveToShelf 7'],
    ['Pick three items', 'robot_pick 3'],
    ['把温度调到24度', 'set_target_temperature 24'],
    ['请把空调温度设为二十二度半', 'set_target_temperature 22.5'],
    ['打开空调', 'set_power true'],
    ['太热了，把空调开到22度', 'set_target_temperature 22'],
    ['空调现在设定多少度', 'get_target_temperature'],
    ['帮我开一下空调', 'set_power true'],
    ['关掉空调', 'set_power false'],
    ['空调设置为制热模式', 'set_mode heat'],
    ['关闭客厅的灯', 'switch_light living-room off'],
    ['打开卧室的灯', 'switch_light bedroom on'],
    ['能不能把厨房的灯打开？', 'switch_light kitchen on'],
    ['把厨房的灯调成红色', 'set_light_color kitchen red'],
    ['把卧室灯的亮度调到百分之四十', 'set_light_brightness bedroom 40'],
    ['让机器人去3号货架', 'robot_moveToShelf 3'],
    ['机器人取两件货', 'robot_pick 2'],
    // several at once
    ['Turn on the kitchen light at 40 %', 'switch_light kitchen on', 'set_light_brightness kitchen 40'],
    ['Turn on the kitchen and the bedroom light', ['switch_light kitchen on', 'switch_light bedroom on']],
    [
      'Turn off all the lights',
      ['switch_light living-room off', 'switch_light kitchen off', 'switch_light bedroom off'],
    ],
    ['Turn the kitchen light on and then off', 'switch_light kitchen on', 'switch_light kitchen off'],
    [
      'Turn on the kitchen light and set its brightness to 40%',
      'switch_light kitchen on',
      'set_light_brightness kitchen 40',
    ],
    ['Send the robot to shelf 7 and tell me its battery', 'robot_moveToShelf 7', 'robot_battery'],
    ['Send the robot to shelf 5, then pick 2 items', 'robot_moveToShelf 5', 'robot_pick 2'],
    ['How warm is it and how full is the battery of the robot?', ['read_room_temperature', 'robot_battery']],
    ['Set the air conditioner to cool at 22 degrees', 'set_mode cool', 'set_target_temperature 22'],
    ['Set the AC to cool mode and 21 degrees', 'set_mode cool', 'set_target_temperature 21'],
    ['空调调到制冷模式，26度', 'set_mode cool', 'set_target_temperature 26'],
    ['机器人去7号货架取3件货', 'robot_moveToShelf 7', 'robot_pick 3'],
    ['Kitchen light to 20 percent please', 'set_light_brightness kitchen 20'],
    ['打开厨房的灯，亮度40%', 'switch_light kitchen on', 'set_light_brightness kitchen 40'],
    [
      '关闭所有的灯',
      ['switch_light living-room off', 'switch_light kitchen off', 'switch_light bedroom off'],
    ],
    ['让机器人去5号货架，然后取三件货物', 'robot_moveToShelf 5', 'robot_pick 3'],
    [
      '打开空调，把温度调到26度，再告诉我现在的室温',
      'set_power true',
      'set_target_temperature 26',
      'read_room_temperature',
    ],
  ];
  for (const [text, ...rounds] of table)
    it(text, async () => {
      const expected = rounds.map((round) => (Array.isArray(round) ? round : [round]));
      expect(await callsOf(text, everything)).to.deep.equal(expected);
    });
});

describe('the demo model understands tools that are described otherwise', () => {
  const table: [sentence: string, ...rounds: string[]][] = [
    ['How warm is it in here?', 'read_current_temperature'],
    ['Set the temperature to 22.5 degrees', 'set_target_temperature 22.5'],
    ['把温度调到24度', 'set_target_temperature 24'],
    ['Which rooms are there?', 'GET-rooms'],
    ['Turn on the kitchen light', 'PUT-rooms-id-light kitchen true'],
    ['Turn on the kitchen light at 40 %', 'PUT-rooms-id-light kitchen true 40'],
    ['Turn off the hall light', 'PUT-rooms-id-light hall false'],
    ['Send the robot to shelf B3 and tell me its battery', 'robot_move B3', 'robot_battery'],
    ['Pick the item "red box"', 'robot_pick red box'],
    ['Set the fan speed to high', 'set_fan_speed 2'],
    ['让机器人去货架B12', 'robot_move B12'],
  ];
  for (const [text, ...rounds] of table)
    it(text, async () => {
      expect(await callsOf(text, otherDevices)).to.deep.equal(rounds.map((round) => [round]));
    });
});

describe('the demo model fills parameters of other shapes', () => {
  const tools: ToolOffer[] = [
    {
      name: 'set_level',
      description: 'Set the ventilation',
      parameters: {
        type: 'object',
        properties: {
          level: {
            oneOf: [
              { const: 1, title: 'low' },
              { const: 2, title: 'high' },
            ],
          },
          unit: { type: 'string', const: 'step' },
          zone: { type: ['string', 'null'], pattern: '^[A-Z][0-9]$' },
          ramp: { type: 'integer', default: 5 },
        },
        required: ['level', 'unit', 'zone', 'ramp'],
      },
    },
    { name: 'no_schema', description: 'Set nothing', parameters: {} },
  ];
  it('titled constants, constants, patterns and defaults', async () => {
    expect(await callsOf('Set the ventilation of B3 to high', tools)).to.deep.equal([
      ['set_level 2 step B3 5'],
    ]);
  });
  it('and no value that a pattern forbids', async () => {
    expect(await callsOf('Set the ventilation of BBB33 to high', tools)).to.deep.equal([]);
  });
});

describe('the demo model and a tool all of whose arguments are optional', () => {
  const lamp: ToolOffer = {
    name: 'PUT-state',
    description: 'Change the lamp',
    parameters: {
      type: 'object',
      properties: {
        on: { type: 'boolean' },
        brightness: { type: 'integer', minimum: 0, maximum: 100 },
        color: { type: 'string', enum: ['red', 'blue'] },
      },
    },
  };
  const opaque: ToolOffer = {
    name: 'setLamp',
    description: 'Turn the lamp on or off',
    parameters: {
      type: 'object',
      properties: { state: { type: 'object' }, unit: { type: 'string', const: 'step' } },
    },
  };
  const byDefault: ToolOffer = {
    name: 'start_pump',
    description: 'Start the pump',
    parameters: {
      type: 'object',
      properties: { speed: { type: 'integer', default: 3 }, unit: { type: 'string', const: 'rpm' } },
      required: ['speed', 'unit'],
    },
  };
  const bare: ToolOffer = {
    name: 'reset_pump',
    description: 'Reset the pump',
    parameters: { type: 'object' },
  };
  const made = async (text: string, tool: ToolOffer): Promise<unknown[]> => {
    const { calls } = await ask(model, sentence(text, [tool]));
    return calls.map(({ arguments: args }) => JSON.parse(JSON.stringify(args)) as unknown);
  };
  const table: [sentence: string, tool: ToolOffer, ...calls: object[]][] = [
    ['Turn the lamp on', lamp, { on: true }],
    ['Turn the lamp on at 40 %', lamp, { on: true, brightness: 40 }],
    ['Turn the lamp on and set its brightness to 40 %', lamp, { on: true, brightness: 40 }],
    ['Set the lamp to red and 40 %', lamp, { color: 'red', brightness: 40 }],
    ['Turn the red lamp on at 40 %', lamp, { on: true, brightness: 40, color: 'red' }],
    ['Set the lamp to red and then to blue', lamp, { color: 'red' }],
    ['Change the lamp', lamp],
    ['Turn the lamp on', opaque],
    ['把灯打开', opaque],
    ['Start the pump', byDefault],
    ['Reset the pump', bare, {}],
  ];
  for (const [text, tool, ...calls] of table)
    it(`${text}: ${tool.name} ${JSON.stringify(calls)}`, async () => {
      expect(await made(text, tool)).to.deep.equal(calls);
    });

  it('says which arguments it needs', async () => {
    const { text } = await ask(model, sentence('Change the lamp', [lamp]));
    expect(text).to.equal(
      'For "Change the lamp" I would use PUT-state, but I need on (true, false), brightness (0–100), color (red, blue).',
    );
  });

  it('says what it did not understand', async () => {
    const { text, calls } = await ask(model, sentence('Turn the lamp on in turquoise', [lamp]));
    expect(calls).to.deep.equal([]);
    expect(text).to.contain('I did not understand "turquoise".');
  });
});

describe('the demo model changes nothing', () => {
  const table = [
    'Is it a good idea to turn on the air conditioner?',
    'What happens if I turn off the kitchen light?',
    "Don't turn on the kitchen light",
    'Never send the robot to shelf 3',
    'If it is above 25 degrees, turn on the air conditioner',
    'Turn on the kitchen light in 10 minutes',
    'Turn on the kitchen light tomorrow',
    'Make it 2 degrees warmer',
    'Increase the temperature by 2 degrees',
    'Turn on the light',
    'Turn on the bathroom light',
    'Turn everything off',
    'Pick 3 items from shelf 5',
    'What is the fan set to?',
    'Turn on the kitchen radio',
    'Open the garage door',
    'The kitchen light is on',
    'I am cold',
    'Hello!',
    '不要打开厨房的灯',
    '如果温度高于25度就打开空调',
    '把温度调高两度',
    '明天打开空调',
    '打开电视',
    '厨房的灯开了吗',
    '你好',
  ];
  const otherwise = ['Open the umbrella', 'Turn on the kitchen radio', 'Water the plants'];
  for (const text of otherwise)
    it(`${text} (where a tool takes any word)`, async () => {
      expect(await callsOf(text, otherDevices)).to.deep.equal([]);
    });

  it('把温度调到24度 (where warm is a colour)', async () => {
    expect(await callsOf('把温度调到24度', lights)).to.deep.equal([]);
  });

  const refused: [string, string][] = [
    ['Set the temperature to 80 degrees', 'set_target_temperature 80'],
    ['Send the robot to shelf 99', 'robot_moveToShelf 99'],
  ];
  for (const [text, call] of refused)
    it(`${text} (the server refuses the number, and nothing is sent)`, async () => {
      expect((await callsOf(text, everything)).flat()).to.deep.equal([call]);
    });

  const writes = new Set(
    everything.filter(({ name }) => /set|switch|move|pick/.test(name)).map(({ name }) => name),
  );
  for (const text of table)
    it(text, async () => {
      const names = (await callsOf(text, everything)).flat().map((call) => call.split(' ')[0] ?? '');
      expect(names.filter((name) => writes.has(name))).to.deep.equal([]);
    });
});
