import { expect } from 'chai';
import type { JsonObject } from '../../../../lib/common/json.ts';
import { AppError, SpecError } from '../../../../lib/errors.ts';
import { simulateOpenapi } from '../../../../lib/openspec/openapi/simulator/simulate-openapi.ts';
import type { Simulated } from '../../../../lib/simulate/simulated.ts';
import { plugsDocument } from '../../../support/plugs-document.ts';
import { rejection } from '../../../support/refusal.ts';

describe('a simulated HTTP device', () => {
  let device: Simulated;
  beforeEach(async () => (device = await simulateOpenapi(plugsDocument)));
  afterEach(() => device.close());

  const fetched = (
    method: string,
    path: string,
    body?: unknown,
    type = 'application/json',
  ): Promise<Response> =>
    fetch(device.server + path, {
      method,
      ...(body === undefined
        ? {}
        : {
            body: typeof body === 'string' ? body : JSON.stringify(body),
            headers: { 'content-type': type },
          }),
    });
  const send = async (...args: Parameters<typeof fetched>): Promise<[number, unknown]> => {
    const response = await fetched(...args);
    const text = await response.text();
    return [response.status, text === '' ? undefined : JSON.parse(text)];
  };
  const desk = { id: 1, name: 'desk', on: false, watts: 50 };

  it('listens at the path of its document and answers from examples and schemas, the same every time', async () => {
    expect(device.server).to.match(/^http:\/\/127\.0\.0\.1:\d+\/api$/);
    expect(await send('GET', '/plugs')).to.deep.equal([200, [desk]]);
    expect(await send('GET', '/plugs/7')).to.deep.equal([200, { ...desk, id: 7 }]);
    expect(await send('GET', '/plugs/7')).to.deep.equal([200, { ...desk, id: 7 }]);
    expect(await send('GET', '/config')).to.deep.equal([200, { host: '192.0.2.1', net: { dhcp: false } }]);
  });

  it('keeps each creation, replacement, change and deletion, in the list and by itself', async () => {
    const made = await fetched('POST', '/plugs', { name: 'lamp', on: true });
    expect([made.status, made.headers.get('location')]).to.deep.equal([201, '/api/plugs/2']);
    const lamp = { id: 2, name: 'lamp', on: true, watts: 50 };
    expect(await made.json()).to.deep.equal(lamp);
    expect(await send('GET', '/plugs')).to.deep.equal([200, [desk, lamp]]);
    expect(await send('GET', '/plugs/2')).to.deep.equal([200, lamp]);

    expect(await send('PUT', '/plugs/2', { name: 'fan' })).to.deep.equal([200, { id: 2, name: 'fan' }]);
    expect(
      await send('PATCH', '/plugs/1', { watts: 7, on: null }, 'application/merge-patch+json'),
    ).to.deep.equal([200, { id: 1, name: 'desk', watts: 7 }]);
    expect(await send('GET', '/plugs/1')).to.deep.equal([200, { id: 1, name: 'desk', watts: 7 }]);

    expect(await send('DELETE', '/plugs/1')).to.deep.equal([204, undefined]);
    const gone = { message: 'It is deleted.', status: 404 };
    expect(await send('GET', '/plugs/1')).to.deep.equal([404, gone]);
    expect((await send('DELETE', '/plugs/1'))[0]).to.equal(404);
    const [, list] = await send('GET', '/plugs');
    expect((list as { id: number }[]).map(({ id }) => id)).to.deep.equal([2]);
    expect((await send('PUT', '/plugs/1', { name: 'again' }))[0]).to.equal(200);
    expect((await send('GET', '/plugs/1'))[1]).to.include({ id: 1, name: 'again' });
  });

  it('refuses a second member of one name', async () => {
    const body = { name: 'desk' };
    const document = structuredClone(plugsDocument);
    const schemas = (document['components'] as JsonObject)['schemas'] as Record<string, JsonObject>;
    Reflect.deleteProperty((schemas['Plug'] as { properties: JsonObject }).properties, 'id');
    await device.close();
    device = await simulateOpenapi(document);
    expect((await send('POST', '/plugs', body))[0]).to.equal(409);
    expect((await send('POST', '/plugs', { name: 'other' }))[0]).to.equal(201);
  });

  it('changes a member when a resource below it changes', async () => {
    expect(await send('PUT', '/plugs/1/power', { on: true })).to.deep.equal([200, { ok: true, on: true }]);
    expect(await send('GET', '/plugs/1')).to.deep.equal([200, { ...desk, on: true }]);
    expect(await send('GET', '/plugs')).to.deep.equal([200, [{ ...desk, on: true }]]);
  });

  it('gives with its getters the values of its setters', async () => {
    expect(await send('GET', '/getMode')).to.deep.equal([200, 'eco']);
    expect(await send('POST', '/setMode?mode=boost')).to.deep.equal([204, undefined]);
    expect(await send('GET', '/getMode')).to.deep.equal([200, 'boost']);
    expect((await send('POST', '/config/apply', { host: '192.0.2.9' }))[0]).to.equal(202);
    expect(await send('GET', '/config')).to.deep.equal([200, { host: '192.0.2.9', net: { dhcp: false } }]);
    const form = 'application/x-www-form-urlencoded';
    expect((await send('POST', '/config/apply', 'net[dhcp]=true', form))[0]).to.equal(202);
    expect(await send('GET', '/config')).to.deep.equal([200, { host: '192.0.2.9', net: { dhcp: true } }]);
  });

  it('answers in the media types of its document', async () => {
    const types = await Promise.all(
      ['/picture', '/report', '/feed'].map(async (path) => {
        const response = await fetched('GET', path);
        return [response.headers.get('content-type'), (await response.text()).slice(0, 40)];
      }),
    );
    expect(types.map(([type]) => type)).to.deep.equal(['image/png', 'text/plain', 'application/xml']);
    expect(types[0]?.[1]).to.contain('PNG');
    expect(types[1]?.[1]).to.equal('all well');
    expect(types[2]?.[1]).to.equal('<?xml version="1.0"?><value><host>192.0.');
    expect((await fetched('POST', '/reset')).status).to.equal(200);
    const head = await fetched('HEAD', '/plugs');
    expect([head.status, head.headers.get('content-type')]).to.deep.equal([200, 'application/json']);
  });

  const refusals: [title: string, args: Parameters<typeof fetched>, status: number, words: string][] = [
    ['a path that is nowhere', ['GET', '/plug'], 404, 'The document has no path /plug.'],
    [
      'a member that no schema allows',
      ['GET', '/plugs/seven'],
      404,
      'There is nothing at /plugs/seven: /path/plugId must be integer.',
    ],
    ['a method that it does not have', ['DELETE', '/plugs'], 405, '/plugs knows GET, POST, OPTIONS.'],
    [
      'a query that does not fit',
      ['GET', '/plugs?limit=500&tag=a&tag=c'],
      400,
      'The request does not fit: /query/limit must be at most 100; /query/tag/1 must be one of "a", "b".',
    ],
    [
      'a query that is missing',
      ['POST', '/setMode'],
      400,
      'The request does not fit: /query/mode is missing.',
    ],
    ['a body that is missing', ['POST', '/plugs'], 400, 'The request does not fit: /body is missing.'],
    [
      'a body that does not fit',
      ['POST', '/plugs', { on: 'yes', colour: 1 }],
      400,
      'The request does not fit: /body/name is missing; /body/on must be boolean; /body/colour is not known here.',
    ],
    [
      'a body that is no JSON',
      ['PUT', '/plugs/1', '{on', 'application/json'],
      400,
      'The request does not fit: /body cannot be read as application/json',
    ],
    [
      'a media type that it does not take',
      ['PUT', '/plugs/1', 'on', 'text/plain'],
      415,
      'The request does not fit: /body is text/plain; it has to be application/json.',
    ],
  ];
  for (const [title, args, status, words] of refusals) {
    it(`refuses ${title}, and says so`, async () => {
      const [got, body] = await send(...args);
      const { detail, message } = body as { detail?: string; message?: string };
      expect([got, (detail ?? message)?.slice(0, words.length)]).to.deep.equal([status, words]);
      expect(device.state()['/plugs']).to.deep.equal([desk]);
    });
  }

  it('speaks in problem details where its document has no error of its own, naming every fault', async () => {
    const response = await fetched('GET', '/plugs?limit=0');
    expect(response.headers.get('content-type')).to.equal('application/problem+json');
    expect(await response.json()).to.deep.equal({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'The request does not fit: /query/limit must be at least 1.',
      errors: [{ pointer: '/query/limit', detail: 'must be at least 1' }],
    });
    const options = await fetched('OPTIONS', '/plugs');
    expect([options.status, options.headers.get('allow')]).to.deep.equal([204, 'GET, POST, OPTIONS']);
  });

  it('can be looked at and set from outside', async () => {
    expect(Object.keys(device.state())).to.deep.equal(['/plugs', '/getMode', '/config']);
    device.set('/plugs/3', { id: 3, name: 'pump', on: true, watts: 80 });
    expect(device.value('plugs/3')).to.deep.equal({ id: 3, name: 'pump', on: true, watts: 80 });
    expect((await send('GET', '/plugs'))[1]).to.deep.equal([
      desk,
      { id: 3, name: 'pump', on: true, watts: 80 },
    ]);
    expect(() => device.set('/plugs/3', { name: 7 })).to.throw(AppError, '/plugs/3: /name must be string');
    expect(() => device.set('/nowhere', 1)).to.throw(AppError, 'the device has no value /nowhere');
    expect(device.value('/nowhere')).to.equal(undefined);
  });

  it('has the faults that are set', async () => {
    device.fault({ kind: 'exception', code: 503 });
    expect((await send('PUT', '/plugs/1', { name: 'x' }))[0]).to.equal(503);
    device.fault({ kind: 'garbage' });
    expect(await rejection(fetched('GET', '/plugs'))).to.be.instanceOf(TypeError);
    device.fault({ kind: 'delay', ms: 30 });
    const before = performance.now();
    expect((await send('GET', '/plugs'))[0]).to.equal(200);
    expect(performance.now() - before).to.be.at.least(28);
    device.fault({ kind: 'drop' });
    const dropped = await rejection(fetch(`${device.server}/plugs`, { signal: AbortSignal.timeout(50) }));
    expect(dropped).to.have.property('name', 'TimeoutError');
    device.fault(undefined);
    expect(await send('GET', '/plugs/1')).to.deep.equal([200, desk]);
  });

  it('closes at once while a delayed answer is due, and says when its port is taken', async () => {
    device.fault({ kind: 'delay', ms: 60_000 });
    const waiting = rejection(fetched('GET', '/plugs'));
    const { port } = new URL(device.server);
    const taken = await rejection(simulateOpenapi(plugsDocument, { port: Number(port) }));
    expect(taken).to.have.property('code', 'EADDRINUSE');
    await device.close();
    expect(await waiting).to.be.instanceOf(TypeError);
  });

  it('rejects with the fault of a document that cannot be used', async () => {
    expect(await rejection(simulateOpenapi({ openapi: '9.0.0' }))).to.be.instanceOf(SpecError);
  });
});
