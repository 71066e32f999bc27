import { expect } from 'chai';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServerStep } from '../support/model-server.ts';
import { line, openTestApp } from '../support/app.ts';
import type { Envelope } from '../support/app.ts';
import { openHouse } from '../support/scenario.ts';

/** The frame of every task that makes one round of calls. */
const frame = (call: string, result: string, said: string, answer: string): string[] => [
  'AGENT -> CLIENT: [text] [TASK_START]',
  `USER -> AGENT: [text] ${said}`,
  `AGENT -> LLM: [text] ${said}`,
  `LLM -> AGENT: [functionCallList] [${call}]`,
  `AGENT -> TOOL: [functionCallList] [${call}]`,
  'AGENT -> CLIENT: [text] [TOOLS_START]',
  `TOOL -> AGENT: [toolReturn] ${result}`,
  `AGENT -> LLM: [toolReturn] ${result}`,
  'TOOL -> AGENT: [text] [TOOLS_DONE]',
  'AGENT -> CLIENT: [text] [TOOLS_DONE]',
  `LLM -> AGENT: [text] ${answer}`,
  `AGENT -> USER: [text] ${answer}`,
  'AGENT -> CLIENT: [text] [TASK_DONE]',
];

describe('a sentence moves a device', () => {
  /** What clients see of one task in a session with the simulated house, and what the device says of itself afterwards. */
  async function tell(
    said: string,
    steps: ModelServerStep[],
    deviceName: string,
  ): Promise<{ seen: Envelope[]; state: string }> {
    const house = await openHouse();
    const model = await startModelServer(steps);
    const app = await openTestApp();
    try {
      const llmConfig = { baseUrl: model.baseUrl, apiKey: 'sk-x', model: 'gpt-4o' };
      const chat = await app.chat(await app.init({ llmConfig, openSpecList: house.documents }));
      chat.say(said);
      await chat.tasksEnded(1);
      model.expectDone();
      expect(app.complaints).to.deep.equal([]);
      const found = house.devices.find(({ name }) => name === deviceName)!;
      return { seen: chat.seen, state: found.device.state() };
    } finally {
      await app.close();
      await model.close();
      await house.close();
    }
  }

  it('behind JSON-RPC', async () => {
    const { seen, state } = await tell(
      'Send the robot to shelf 7.',
      [{ calls: [{ name: 'robot_moveToShelf', arguments: { shelf: 7 } }] }, { text: 'It is at shelf 7.' }],
      'robot',
    );
    const call = '{"id":"call_1","name":"robot_moveToShelf","parameters":{"shelf":7}}';
    const body = JSON.stringify('{"jsonrpc":"2.0","id":1,"result":{"shelf":7,"carries":0,"battery":93}}');
    const result = `{"id":"call_1","result":{"statusCode":200,"body":${body}}}`;
    expect(seen.map(line)).to.deep.equal(
      frame(call, result, 'Send the robot to shelf 7.', 'It is at shelf 7.'),
    );
    expect(state).to.equal('at shelf 7, carries 0, battery 93 %');
  });

  it('on Modbus: a value read with its multiplier', async () => {
    const { seen } = await tell(
      'How warm is it?',
      [{ calls: [{ name: 'read_room_temperature', arguments: {} }] }, { text: 'Warm.' }],
      'air conditioner',
    );
    const returned = seen.find(({ type, from }) => type === 'toolReturn' && from === 'tool')!.message as {
      result: object;
    };
    const call = '{"id":"call_1","name":"read_room_temperature","parameters":{}}';
    expect(seen.map(line)).to.deep.equal(frame(call, JSON.stringify(returned), 'How warm is it?', 'Warm.'));
    const { value, ...rest } = returned.result as { value: number };
    expect(value).to.be.within(-40, 60);
    expect(Number((value * 10).toFixed(6)) % 1).to.equal(0);
    expect(rest).to.deep.equal({
      statusCode: 0,
      message: `room_temperature: ${value}℃`,
      name: 'room_temperature',
      uom: '℃',
    });
  });

  it('on Modbus: a value written, once, as it was meant', async () => {
    const { seen, state } = await tell(
      'Make it 22.5 degrees.',
      [
        { calls: [{ name: 'set_target_temperature', arguments: { target_temperature: 22.5 } }] },
        { text: 'Done.' },
      ],
      'air conditioner',
    );
    const returned = seen.find(({ type }) => type === 'toolReturn')!.message as { result: object };
    expect(returned.result).to.deep.equal({
      statusCode: 0,
      value: 22.5,
      message: 'requestSucceed',
      name: 'target_temperature',
      uom: '℃',
      confirmed: 'echo',
    });
    expect(state).to.contain('22.5');
  });
});
