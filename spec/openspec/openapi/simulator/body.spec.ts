import { expect } from 'chai';
import type { JsonObject } from '../../../../lib/common/json.ts';
import { simulateOpenapi } from '../../../../lib/openspec/openapi/simulator/simulate-openapi.ts';
import type { Simulated } from '../../../../lib/simulate/simulated.ts';

const schema: JsonObject = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    level: { type: 'integer', maximum: 10 },
    on: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'integer' } },
    net: {
      type: 'object',
      properties: { dhcp: { type: 'boolean' }, dns: { type: 'array', items: { type: 'string' } } },
    },
    file: { type: 'string', format: 'binary' },
  },
  additionalProperties: false,
};
const media = [
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/*',
  'application/octet-stream',
];
const document: JsonObject = {
  openapi: '3.1.0',
  info: { title: 'Bodies', version: '1' },
  paths: {
    '/state': {
      get: { responses: { '200': { content: { 'application/json': { schema } } } } },
      put: {
        requestBody: {
          content: Object.fromEntries(
            media.map((type) => [type, { schema: /octet|text/.test(type) ? {} : schema }]),
          ),
        },
        responses: { '200': { content: { 'application/json': { schema } } } },
      },
    },
  },
};

describe('bodies that a simulated HTTP device gets', () => {
  let device: Simulated;
  beforeEach(async () => (device = await simulateOpenapi(document)));
  afterEach(() => device.close());

  const put = async (
    body: NonNullable<RequestInit['body']>,
    type?: string,
  ): Promise<[number, JsonObject]> => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const response = await fetch(`${device.server}/state`, { method: 'PUT', body, headers });
    return [response.status, (await response.json()) as JsonObject];
  };
  const whole = {
    name: 'a',
    level: 3,
    on: true,
    tags: [1, 2],
    net: { dhcp: false, dns: ['192.0.2.1', '192.0.2.2'] },
  };

  it('are read from forms, lists and objects in every way that people write them', async () => {
    const form = 'application/x-www-form-urlencoded';
    const forms = [
      'name=a&level=3&on=true&tags=1&tags=2&net[dhcp]=false&net[dns][]=192.0.2.1&net[dns][]=192.0.2.2',
      'name=a&level=3&on=true&tags=1,2&net={"dhcp":false,"dns":["192.0.2.1","192.0.2.2"]}',
      'name=a&level=3&on=true&tags[0]=1&tags[1]=2&net[dhcp]=false&net[dns][0]=192.0.2.1&net[dns][1]=192.0.2.2',
    ];
    for (const text of forms) expect(await put(text, form)).to.deep.equal([200, whole]);
    expect(await (await fetch(`${device.server}/state`)).json()).to.deep.equal(whole);
  });

  it('are read from multipart forms, of a file its name', async () => {
    const form = new FormData();
    form.append('name', 'a');
    form.append('level', '3');
    form.append('file', new Blob(['bytes']), 'firmware.bin');
    expect(await put(form)).to.deep.equal([200, { name: 'a', level: 3, file: 'firmware.bin' }]);
  });

  it('are refused when the fields of a form do not fit, or the body is no form', async () => {
    const [status, problem] = await put('level=30&net={no json', 'application/x-www-form-urlencoded');
    expect([status, problem['errors']]).to.deep.equal([
      400,
      [
        { pointer: '/body/level', detail: 'must be at most 10' },
        { pointer: '/body/net', detail: 'must be object' },
      ],
    ]);
    expect((await put('no boundary', 'multipart/form-data; boundary=x'))[0]).to.equal(400);
  });

  it('change nothing but the device, under any name', async () => {
    await put(
      '__proto__[polluted]=1&constructor[prototype][polluted]=1',
      'application/x-www-form-urlencoded',
    );
    await put('{"__proto__":{"polluted":1}}', 'application/json');
    expect(({} as JsonObject)['polluted']).to.equal(undefined);
  });

  it('are taken as they are when they are text or bytes', async () => {
    expect((await put('words', 'text/csv'))[0]).to.equal(200);
    expect((await put(new Uint8Array([1, 2, 3]), 'application/octet-stream'))[0]).to.equal(200);
    expect((await put('<a/>', 'application/xml'))[0]).to.equal(415);
  });

  it('are refused when they are longer than a device would take', async () => {
    const response = await fetch(`${device.server}/state`, {
      method: 'PUT',
      body: new Uint8Array(17 * 1024 * 1024),
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(response.status).to.equal(413);
  });
});
