import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';
import type { ToolOffer } from '../../lib/core/model.ts';
import { createToolSelector, type ToolSelector } from '../../lib/openspec/tool-selector.ts';
import { searchWordsOf } from '../../lib/openspec/search-words.ts';

const rooms = ['kitchen', 'bathroom', 'hall', 'cellar', 'attic'];
const things: [string, string][] = [
  ['light', '灯'],
  ['heating', '暖气'],
  ['curtain', '窗帘'],
  ['door', '门锁'],
];

function offer(name: string, description: string, properties: JsonObject = {}): ToolOffer {
  return { name, description, parameters: { type: 'object', properties } };
}

/** 200 tools of a house, English and Chinese. */
function house(): ToolOffer[] {
  const tools: ToolOffer[] = [];
  for (const room of rooms) {
    for (const [thing, chinese] of things) {
      for (let n = 0; n < 10; n++) {
        tools.push(
          offer(`${room}_${thing}_${n}`, `Switches the ${thing} number ${n} of the ${room}. 控制${chinese}`),
        );
      }
    }
  }
  return tools;
}

const names = (offers: readonly ToolOffer[]): string[] => offers.map(({ name }) => name);
const finders = ['search_tools', 'describe_tool', 'call_tool'];

describe('openspec/select', () => {
  describe('finds words', () => {
    const table: [string, string[]][] = [
      ['Turn on the lights, please!', ['turn', 'light']],
      ['setRoomBrightness HTTPServer2', ['set', 'room', 'bright', 'http', 'server2']],
      ['issues_list-for-repo', ['issu', 'list', 'repo']],
      ['query queries entry', ['queri', 'queri', 'entri']],
      ['打开厨房灯 2', ['打开', '开厨', '厨房', '房灯', '2']],
      ['灯', ['灯']],
      ['éteindre l’été', ['éteindr', 'l', 'été']],
      ['', []],
    ];
    for (const [text, words] of table)
      it(`in “${text}”`, () => expect(searchWordsOf(text)).to.deep.equal(words));
    it('alike for forms of one word', () => {
      expect(new Set(searchWordsOf('lighting lighted lights light'))).to.deep.equal(new Set(['light']));
    });
  });

  it('offers all tools where they fit, the same array', async () => {
    const tools = house().slice(0, 128);
    const selector = createToolSelector(tools, { maxCount: 128 });
    const { offers, leftOut } = await selector.choose('anything');
    expect(offers).to.equal(tools);
    expect(leftOut).to.deep.equal([]);
    const call = { callId: 'c', name: 'search_tools', arguments: { query: 'x' } };
    expect(await selector.redirect(call)).to.deep.equal({ call });
  });

  it('offers the best-matching tools and three to find the others, and names the tools that are left out', async () => {
    const tools = house();
    const { offers, leftOut } = await createToolSelector(tools, { maxCount: 13 }).choose(
      'Open the curtains in the attic',
    );
    expect(names(offers)).to.deep.equal([
      ...Array.from({ length: 10 }, (_, n) => `attic_curtain_${n}`),
      ...finders,
    ]);
    expect(leftOut).to.have.length(190);
    expect([...names(offers), ...leftOut].toSorted()).to.deep.equal([...names(tools), ...finders].toSorted());
    for (const { parameters } of offers) expect(parameters['type']).to.equal('object');
  });

  it('understands Chinese', async () => {
    const { offers } = await createToolSelector(house(), { maxCount: 128 }).choose('请打开窗帘');
    expect(names(offers)).to.deep.equal([
      ...rooms.flatMap((room) => Array.from({ length: 10 }, (_, n) => `${room}_curtain_${n}`)),
      ...finders,
    ]);
  });

  it('finds tools by the names and the values of their arguments', async () => {
    const tools = [
      ...house(),
      offer('act', 'Acts', {
        'fan-speed': { enum: ['whisper', 1] },
        x: { description: 'humidity wanted' },
        y: true,
      }),
    ];
    const selector = createToolSelector(tools, { maxCount: 8 });
    for (const sentence of ['set it to whisper', 'speed of the fan', 'what humidity']) {
      expect(names((await selector.choose(sentence)).offers)).to.deep.equal(['act', ...finders]);
    }
  });

  it('keeps the tools that the conversation used, and gives the same array for the same choice', async () => {
    const selector = createToolSelector(house(), { maxCount: 14 });
    const keep = ['hall_door_3', 'gone'];
    const first = await selector.choose('curtains of the attic', keep);
    expect(names(first.offers)).to.include.members(['hall_door_3', 'attic_curtain_0']);
    expect(first.offers).to.have.length(14);
    expect((await selector.choose('the attic curtain', keep)).offers).to.equal(first.offers);
    for (let n = 0; n < 50; n++) await selector.choose(`light ${n % 10} of the ${rooms[n % 5] ?? ''} ${n}`);
    expect((await selector.choose('the attic curtain', keep)).offers).to.deep.equal(first.offers);
  });

  it('offers a few tools where no word fits', async () => {
    const { offers, leftOut } = await createToolSelector(house(), { maxCount: 128 }).choose('xyzzy');
    expect([offers.length, leftOut.length]).to.deep.equal([23, 180]);
  });

  it('stays in a budget of bytes', async () => {
    const tools = house().slice(0, 50);
    const maxBytes = 3000;
    const { offers, leftOut } = await createToolSelector(tools, { maxCount: 128, maxBytes }).choose(
      'kitchen light',
    );
    expect(JSON.stringify(offers).length).to.be.within(2000, maxBytes);
    expect(offers.length - 3 + leftOut.length).to.equal(50);
    expect(names(offers)).to.include('kitchen_light_0');
  });

  describe('answers its own tools', () => {
    let selector: ToolSelector;
    before(() => {
      selector = createToolSelector(house(), { maxCount: 20 });
    });
    const redirect = (name: string, args: JsonValue) =>
      selector.redirect({ callId: 'c1', name, arguments: args });

    it('search_tools', async () => {
      const answer = await redirect('search_tools', { query: 'doors in the cellar' });
      const tools = 'result' in answer ? (answer.result['tools'] as JsonObject[]) : [];
      expect(tools).to.have.length(20);
      expect(tools.slice(0, 10).map(({ name }) => name)).to.have.members(
        Array.from({ length: 10 }, (_, n) => `cellar_door_${n}`),
      );
      expect(Object.keys(tools[0] ?? {})).to.deep.equal(['name', 'description']);
      expect(await redirect('search_tools', { query: 'xyzzy' })).to.deep.equal({
        result: {
          tools: [],
          hint: 'No tool has one of these words: try others, in the language of the documents.',
        },
      });
    });

    it('describe_tool', async () => {
      const tool = house()[7];
      expect(await redirect('describe_tool', { name: tool?.name ?? '' })).to.deep.equal({ result: tool });
    });

    it('of a tool that is not there with the name that is near', async () => {
      const answers = await Promise.all([
        redirect('describe_tool', { name: 'none' }),
        redirect('describe_tool', { name: 'hal_door_1' }),
        redirect('call_tool', { name: 'Hall-Door-1', arguments: {} }),
        redirect('call_tool', { name: 'x'.repeat(100_000), arguments: {} }),
      ]);
      expect(answers.map((answer) => 'result' in answer && answer.result['error'])).to.deep.equal(
        [
          'There is no tool named "none". search_tools finds one.',
          'There is no tool named "hal_door_1". Did you mean "hall_door_1"? search_tools finds others.',
          'There is no tool named "Hall-Door-1". Did you mean "hall_door_1"? search_tools finds others.',
          `There is no tool named "${'x'.repeat(99)}…". search_tools finds one.`,
        ].map((message) => ({ code: 'unknown_tool', message, effect: 'none' })),
      );
    });

    it('call_tool, also where it names one of the three', async () => {
      const wanted = { name: 'search_tools', arguments: { query: 'doors in the cellar' } };
      expect(await redirect('call_tool', wanted)).to.deep.equal(
        await redirect('search_tools', wanted.arguments),
      );
    });

    it('call_tool, by the call that it means', async () => {
      const means = async (args: JsonValue): Promise<unknown> => {
        const answer = await redirect('call_tool', { name: 'hall_door_1', arguments: args });
        return 'call' in answer ? answer.call : answer;
      };
      const called = { callId: 'c1', name: 'hall_door_1' };
      expect(await means({ a: 1 })).to.deep.equal({ ...called, arguments: { a: 1 } });
      expect(await means('{"a":1}')).to.deep.equal({ ...called, arguments: { a: 1 } });
      expect(await means('{a')).to.deep.equal({ ...called, arguments: '{a' });
      expect(await means(null)).to.deep.equal({ ...called, arguments: {} });
    });

    it('with the fault of a call', async () => {
      const faults = await Promise.all([
        redirect('search_tools', '{'),
        redirect('search_tools', {}),
        redirect('call_tool', { arguments: {} }),
        redirect('describe_tool', []),
        redirect('call_tool', { name: 'hall_door_1', open: true }),
      ]);
      expect(
        faults.map((fault) => 'result' in fault && (fault.result['error'] as JsonObject)['message']),
      ).to.deep.equal([
        'The arguments must be a JSON object.',
        '"query" must be a text: what the tool should do.',
        '"name" must be the name of a tool.',
        'The arguments must be a JSON object.',
        'The arguments of "hall_door_1" belong in "arguments".',
      ]);
    });

    it('and gives any other call back', async () => {
      const call = { callId: 'c1', name: 'hall_door_1', arguments: {} };
      expect(await selector.redirect(call)).to.deep.equal({ call });
    });

    it('under names that no tool of the session has', async () => {
      const tools = [...house(), offer('search_tools', 'Mine')];
      const own = createToolSelector(tools, { maxCount: 20 });
      expect(names((await own.choose('hall')).offers).slice(-3)).to.deep.equal([
        'search_tools_2',
        'describe_tool',
        'call_tool',
      ]);
      const call = { callId: 'c', name: 'search_tools', arguments: {} };
      expect(await own.redirect(call)).to.deep.equal({ call });
    });
  });

  it('reads thousands of tools once, however often it chooses among them', async () => {
    let readCount = 0;
    const tools = Array.from({ length: 5000 }, (_, n) => {
      const { name, parameters } = offer(`tool_${n}`, '');
      return {
        name,
        parameters,
        get description() {
          readCount++;
          return `Does the thing ${n % 700} with the part ${n % 31}`;
        },
      };
    });
    await createToolSelector(tools, { maxCount: 128 }).choose('thing 5');
    const builtCount = readCount;
    expect(builtCount).to.be.at.least(tools.length);
    for (let n = 0; n < 10; n++)
      await createToolSelector(tools, { maxCount: 128 }).choose(`do the thing ${n} with part ${n}`);
    expect(readCount - builtCount).to.be.at.most(tools.length / 10);
  });
});
