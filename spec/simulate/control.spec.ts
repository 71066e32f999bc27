import { request } from 'node:http';
import { expect } from 'chai';
import { openControl } from '../../lib/simulate/control.ts';
import { defaultKinds } from '../../lib/defaults.ts';
import { simulateDocument } from '../../lib/openspec/simulate-document.ts';
import type { Simulation } from '../../lib/simulate/simulation.ts';
import { plugsDocument } from '../support/plugs-document.ts';

const meter = {
  openmodbus: '1.0.0',
  info: { title: 'Meter' },
  server: { type: 'tcp', config: { url: 'meter.local', port: 502 } },
  functions: [
    {
      name: 'power',
      method: 'read',
      path: { slaveId: 1, storage: 'inputRegisters', address: 0, count: 1 },
      return: { name: 'power', type: 'uint16', min: 0, max: 100 },
    },
  ],
};

describe('the control port of simulated devices', () => {
  let running: Simulation[];
  let control: { url: string; close(): Promise<void> };
  beforeEach(async () => {
    running = [
      await simulateDocument(defaultKinds, meter),
      await simulateDocument(defaultKinds, plugsDocument),
    ];
    const names = ['meter', 'plugs'];
    const devices = running.map((one, index) => ({
      ...one,
      name: names[index] ?? '',
      document: `${names[index]}.json`,
    }));
    control = await openControl(devices);
  });
  afterEach(async () => {
    await control.close();
    await Promise.all(running.map(({ device }) => device.close()));
  });

  const send = async (method: string, path: string, body?: string): Promise<[number, unknown]> => {
    const response = await fetch(control.url + path, { method, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    return [response.status, text === '' ? undefined : JSON.parse(text)];
  };

  it('names every device and shows its values and its fault', async () => {
    const [meterDevice, plugs] = running.map(({ device }) => device.server);
    const facts = [
      { name: 'meter', kind: 'openmodbus', title: 'Meter', document: 'meter.json', server: meterDevice },
      { name: 'plugs', kind: 'openapi', title: 'Plugs', document: 'plugs.json', server: plugs },
    ];
    expect(await send('GET', '/')).to.deep.equal([200, facts]);
    expect(await send('GET', '/meter')).to.deep.equal([
      200,
      { ...facts[0], state: { power: 50 }, fault: null },
    ]);
    expect(await send('GET', '/meter/state')).to.deep.equal([200, { power: 50 }]);
  });

  it('sets values by function and by path', async () => {
    expect(await send('PUT', '/meter/state/power', '42')).to.deep.equal([200, 42]);
    expect(await send('GET', '/meter/state/power')).to.deep.equal([200, 42]);
    expect(running[0]?.device.state()).to.deep.equal({ power: 42 });
    const lamp = { id: 2, name: 'lamp' };
    expect(await send('PUT', '/plugs/state/plugs/2', JSON.stringify(lamp))).to.deep.equal([200, lamp]);
    expect(await (await fetch(`${running[1]?.device.server}/plugs/2`)).json()).to.deep.equal(lamp);
  });

  it('begins and ends faults', async () => {
    const url = `${running[1]?.device.server}/plugs`;
    const fault = { kind: 'exception', code: 503 };
    expect(await send('PUT', '/plugs/fault', JSON.stringify(fault))).to.deep.equal([200, fault]);
    expect([(await fetch(url)).status, await send('GET', '/plugs/fault')]).to.deep.equal([503, [200, fault]]);
    expect(await send('DELETE', '/plugs/fault')).to.deep.equal([204, undefined]);
    expect([(await fetch(url)).status, await send('GET', '/plugs/fault')]).to.deep.equal([200, [200, null]]);
  });

  const refusals: [method: string, path: string, body: string | undefined, status: number, words: RegExp][] =
    [
      ['GET', '/boiler', undefined, 404, /no device boiler; there are meter, plugs/],
      ['GET', '/meter/values', undefined, 404, /has state and fault, no values/],
      ['GET', '/meter/state/roof', undefined, 404, /no value roof/],
      ['PUT', '/meter/state/power', '400', 400, /above the maximum 100/],
      ['PUT', '/meter/state/power', '{', 400, /the body is no JSON/],
      ['PUT', '/meter/fault', '{"kind":"exception","code":503}', 400, /"code":1…255/],
      ['PUT', '/meter/fault', '{"kind":"fire"}', 400, /a fault is {"kind":"delay"/],
      ['POST', '/meter/state', '{}', 405, /POST is not known here/],
      ['DELETE', '/', undefined, 405, /DELETE is not known here/],
      ['GET', '/%', undefined, 400, /not percent-encoded/],
    ];
  for (const [method, path, body, status, words] of refusals) {
    it(`answers ${method} ${path} ${body ?? ''} with ${status}, and says why`, async () => {
      const [got, said] = await send(method, path, body);
      expect(got).to.equal(status);
      expect((said as { message: string }).message).to.match(words);
    });
  }

  it('is called by loopback names only', async () => {
    const status = await new Promise((resolve, reject) => {
      request(control.url, { headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).to.equal(403);
  });
});
