import { expect } from 'chai';
import { keepReading, numbersIn, readings } from '../../lib/console/devices/readings.ts';

describe('the readings of a device page', () => {
  it('find the numbers of a Modbus value, with their unit', () => {
    expect(numbersIn({ statusCode: 0, value: 21.5, name: 'room', uom: '℃' })).to.deep.equal([
      { path: '', unit: '℃', value: 21.5 },
    ]);
    expect(numbersIn({ statusCode: 0, value: [1, 2], uom: 'A' })).to.deep.equal([
      { path: '0', unit: 'A', value: 1 },
      { path: '1', unit: 'A', value: 2 },
    ]);
  });

  it('find the numbers in a body of HTTP and in a result of JSON-RPC; on and off are 1 and 0', () => {
    expect(
      numbersIn({ statusCode: 200, body: '{"room":"hall","light":{"on":true,"percent":80}}' }),
    ).to.deep.equal([
      { path: 'light.on', unit: '', value: 1 },
      { path: 'light.percent', unit: '', value: 80 },
    ]);
    const body = { jsonrpc: '2.0', id: 1, result: { battery: 93 } };
    expect(numbersIn({ statusCode: 200, body })).to.deep.equal([{ path: 'battery', unit: '', value: 93 }]);
  });

  it('find none in an error, a text, or nothing', () => {
    for (const result of [{ value: 1, error: { code: 'timeout' } }, { body: 'on fire' }, {}, null, undefined])
      expect(numbersIn(result)).to.deep.equal([]);
  });

  it('are kept by device and name, the oldest ones forgotten', () => {
    for (let n = 0; n < 2005; n++) keepReading('meter', 'power', { value: n, uom: 'W' }, n * 1000);
    keepReading('lamp', 'get', { body: '{"percent":5}' }, 1000);
    const [power] = readings.value.get('meter') ?? [];
    expect([power?.name, power?.unit, power?.values.length]).to.deep.equal(['power', 'W', 2000]);
    expect([power?.times[0], power?.values[0], power?.values.at(-1)]).to.deep.equal([5, 5, 2004]);
    expect(readings.value.get('lamp')).to.deep.equal([
      { name: 'get · percent', unit: '', times: [1], values: [5] },
    ]);
  });
});
