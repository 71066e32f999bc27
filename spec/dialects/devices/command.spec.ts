import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { openChat, type Chat, type Envelope } from '../../support/app.ts';
import type { HttpDevice } from '../../support/http-device.ts';
import { openLamp } from '../../support/lamp.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../../support/model-server.ts';
import { openThreadServer, type Caller, type ThreadServer } from '../../support/threads.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate } from '../../support/world.ts';

describe('people in command of a device', () => {
  let server: ThreadServer;
  let admin: Caller;
  let ann: Caller;
  let bob: Caller;
  let lamp: HttpDevice & { registration(name: string): JsonObject };
  const chats: Chat[] = [];
  const models: ModelServer[] = [];
  before(async () => {
    server = await openThreadServer({ AUTH: 'required' });
    admin = await server.caller('root', 'admin');
    ann = await server.caller('ann');
    bob = await server.caller('bob');
    lamp = await openLamp();
    server.complaints.length = 0; // there was no user when the server came up
  });
  beforeEach(() => {
    lamp.seen.length = 0;
  });
  afterEach(async () => {
    for (const chat of chats.splice(0)) await chat.close();
    for (const model of models.splice(0)) {
      model.expectDone();
      await model.close();
    }
    expect(server.complaints.splice(0)).to.deep.equal([]);
  });
  after(async () => {
    await server.close();
    await lamp.close();
  });

  async function register(name: string, rules: JsonObject, more: JsonObject = {}): Promise<void> {
    const answer = await admin.call('POST', '/api/devices', { ...lamp.registration(name), rules, ...more });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
  }

  /** A session of somebody with a device and a scripted model, and a socket that watches it. */
  async function talk(
    who: Caller,
    device: string,
    steps: ModelServerStep[],
    config: JsonObject = {},
  ): Promise<{ id: string; chat: Chat }> {
    const model = await startModelServer(steps);
    models.push(model);
    const llmConfig = { baseUrl: model.baseUrl, apiKey: 'k', model: 'm' };
    const answer = await who.call('POST', '/api/init', { llmConfig, devices: [device], ...config });
    const { id } = answer.body as { id: string };
    expect(id, JSON.stringify(answer.body)).to.be.a('string');
    const { ticket } = (await who.call('POST', '/api/ticket')).body as { ticket: string };
    const chat = await openChat(`${server.url.replace('http', 'ws')}/api/chat?id=${id}&ticket=${ticket}`);
    chats.push(chat);
    return { id, chat };
  }

  const set = (brightness: number): ModelServerStep => ({
    calls: [{ name: 'set_brightness', arguments: { brightness } }],
  });
  const tool = (device: string, name = 'set_brightness') => `/api/devices/${device}/tools/${name}`;
  const typesOf = ({ seen }: Chat) =>
    seen.map(({ type, message }) => (type === 'text' ? String(message) : type));
  const sent = () => lamp.seen.map(({ method, url }) => `${method} ${url}`);
  const approvalIn = (chat: Chat): Envelope & { message: JsonObject } =>
    chat.seen.find(({ type }) => type === 'approvalRequest') as Envelope & { message: JsonObject };
  const audit = async (device: string) =>
    (await admin.call('GET', `/api/audit?device=${device}`)).body as JsonObject[];

  it('approve a call: it waits, others may decide, and it is sent once', async () => {
    await register('asking', {
      calls: [
        {
          tools: ['set_*'],
          when: { brightness: { above: 50 } },
          decision: 'ask',
          approvers: 'other',
        },
      ],
    });
    const { id, chat } = await talk(ann, 'asking', [set(80), { text: 'bright' }]);
    chat.say('bright');
    await chat.until(() => approvalIn(chat) !== undefined);
    const { message } = approvalIn(chat);
    const { id: approval, callId, expiresAt, ...shown } = message;
    expect(shown).to.deep.equal({
      device: 'asking',
      name: 'set_brightness',
      parameters: { brightness: 80 },
      risk: 'normal',
      rule: 'Rule 1 of the device: ask before set_*, when brightness is above 50.',
      approvers: 'other',
    });
    expect([callId, expiresAt]).to.satisfy((values: unknown[]) =>
      values.every((one) => typeof one === 'string'),
    );
    expect((await ann.call('GET', '/api/approvals')).body).to.deep.equal([]);
    const [open] = (await bob.call('GET', `/api/approvals?id=${id}`)).body as JsonObject[];
    expect(open).to.deep.include({
      id: approval,
      session: id,
      device: 'asking',
      askedBy: ann.user.uuid,
      askedByName: 'ann',
    });
    expect(open!['request']).to.deep.include({ method: 'PUT', url: `${lamp.url}/brightness?brightness=80` });
    chat.send({ type: 'approval', id: approval, decision: 'approve' });
    await chat.until(() => chat.seen.some(({ code }) => code === 'forbidden'));
    expect(sent()).to.deep.equal([]);
    const decide = () =>
      bob.call('POST', `/api/approvals/${approval as string}`, { decision: 'approve', reason: 'go' });
    const both = await Promise.all([decide(), decide()]);
    expect(both.map(({ status }) => status)).to.have.members([200, 409]);
    await chat.tasksEnded(1);
    expect(sent()).to.deep.equal(['PUT /brightness?brightness=80']);
    expect(typesOf(chat).filter((type) => type !== 'error')).to.deep.equal([
      '[TASK_START]',
      'bright',
      'bright',
      'functionCallList',
      'functionCallList',
      '[TOOLS_START]',
      'approvalRequest',
      'approvalResult',
      'toolReturn',
      'toolReturn',
      '[TOOLS_DONE]',
      '[TOOLS_DONE]',
      'bright',
      'bright',
      '[TASK_DONE]',
    ]);
    expect(chat.seen.find(({ type }) => type === 'approvalResult')?.message).to.deep.equal({
      id: approval,
      decision: 'approve',
      by: 'bob',
      reason: 'go',
    });
    const [row] = await audit('asking');
    expect(row).to.deep.include({
      device: 'asking',
      n: 1,
      event: 'sent',
      version: 1,
      tool: 'set_brightness',
      arguments: { brightness: 80 },
      session: id,
      askedBy: ann.user.uuid,
      askedByName: 'ann',
      approvedBy: 'bob',
      outcome: 'done',
    });
  });

  it('reject a call over the socket, and nothing is sent', async () => {
    await register('rejecting', { calls: [{ decision: 'ask', effect: 'write' }] });
    const { chat } = await talk(ann, 'rejecting', [set(10), { text: 'as you like' }]);
    chat.say('dark');
    await chat.until(() => approvalIn(chat) !== undefined);
    const { id } = approvalIn(chat).message;
    chat.send({ type: 'approval', id, decision: 'reject', reason: 'not now' });
    await chat.tasksEnded(1);
    expect(sent()).to.deep.equal([]);
    const { message } = chat.seen.find(({ type }) => type === 'toolReturn')!;
    expect((message as JsonObject)['result']).to.deep.equal({
      reason: 'not now',
      error: { code: 'rejected', message: 'The call was rejected by ann: not now', effect: 'none' },
    });
    expect((await audit('rejecting')).map(({ event, outcome }) => [event, outcome])).to.deep.equal([
      ['rejected', null],
    ]);
  });

  it('approve a read, and the device is read also where another rule allows dry runs only', async () => {
    await register('readable', { calls: [{ effect: 'read', decision: 'ask' }] });
    const read: ModelServerStep = { calls: [{ name: 'get_state', arguments: {} }] };
    const rules = { calls: [{ decision: 'dry_run' }] };
    const { chat } = await talk(ann, 'readable', [read, { text: 'dark' }], { rules });
    chat.say('how bright?');
    await chat.until(() => approvalIn(chat) !== undefined);
    expect(sent()).to.deep.equal([]);
    chat.send({ type: 'approval', id: approvalIn(chat).message['id'], decision: 'approve' });
    await chat.tasksEnded(1);
    expect(sent()).to.deep.equal(['GET /state']);
    expect(await audit('readable')).to.deep.equal([]);
  });

  it('do not count when they may not use the device any more', async () => {
    const rules = { calls: [{ decision: 'ask', approvers: 'other', effect: 'write' }] };
    await register('narrowed', rules, { users: ['ann', 'bob'] });
    const { chat } = await talk(ann, 'narrowed', [set(10), { text: 'as you like' }]);
    chat.say('dark');
    await chat.until(() => approvalIn(chat) !== undefined);
    const { id } = approvalIn(chat).message;
    const put = { ...lamp.registration('narrowed'), rules, users: ['ann'] };
    expect((await admin.call('PUT', '/api/devices/narrowed', put)).status).to.equal(200);
    const late = await bob.call('POST', `/api/approvals/${id as string}`, { decision: 'approve' });
    expect(late.body).to.deep.equal({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'You may not decide about this call: only another person who may use the device may.',
    });
    const reject = { decision: 'reject' };
    expect((await admin.call('POST', `/api/approvals/${id as string}`, reject)).status).to.equal(200);
    await chat.tasksEnded(1);
    expect(sent()).to.deep.equal([]);
  });

  it('approve a call to a device that was removed meanwhile, and nothing is sent', async () => {
    await register('removed', { calls: [{ decision: 'ask', approvers: 'other' }] });
    const { chat } = await talk(ann, 'removed', [set(10), { text: 'it is gone' }]);
    chat.say('dark');
    await chat.until(() => approvalIn(chat) !== undefined);
    const { id } = approvalIn(chat).message;
    expect((await admin.call('DELETE', '/api/devices/removed')).status).to.equal(204);
    const approve = { decision: 'approve' };
    expect((await admin.call('POST', `/api/approvals/${id as string}`, approve)).status).to.equal(200);
    await chat.tasksEnded(1);
    expect(sent()).to.deep.equal([]);
    const { message } = chat.seen.find(({ type }) => type === 'toolReturn')!;
    expect(message).to.have.nested.property('result.error.code', 'device_disabled');
    expect((await audit('removed')).map(({ event, outcome }) => [event, outcome])).to.deep.equal([
      ['disabled', null],
    ]);
  });

  it('call a tool themselves, under the same rules and limits', async () => {
    await register('direct', {
      calls: [{ tools: ['set_brightness'], when: { brightness: { above: 90 } }, decision: 'deny' }],
      limits: [
        { tools: ['set_brightness'], argument: 'brightness', min: 10 },
        { maxCalls: 2, perSeconds: 60 },
      ],
    });
    const call = (body: object) => ann.call('POST', tool('direct'), body);
    const codes: unknown[] = [];
    for (const brightness of [95, 5, 20, 30, 40]) {
      const { status, body } = await call({ arguments: { brightness } });
      const { error } = body as { error?: { code: string } };
      codes.push([status, error?.code ?? 'done']);
    }
    expect(codes).to.deep.equal([
      [200, 'denied_by_rule'],
      [200, 'limit_exceeded'],
      [200, 'done'],
      [200, 'done'],
      [200, 'limit_exceeded'],
    ]);
    expect(sent()).to.deep.equal(['PUT /brightness?brightness=20', 'PUT /brightness?brightness=30']);
    const dry = (await call({ arguments: { brightness: 33 }, dryRun: true })).body as JsonObject;
    expect(dry['dryRun']).to.equal(true);
    expect(dry['request']).to.deep.include({
      method: 'PUT',
      url: `${lamp.url}/brightness?brightness=33`,
    });
    expect(JSON.stringify(dry)).not.to.contain('lamp-key-0123456789');
    expect((await call({ arguments: { brightness: 'x' } })).body).to.have.nested.property(
      'error.code',
      'invalid_arguments',
    );
    expect((await ann.call('POST', tool('direct', 'nope'), {})).body).to.have.nested.property(
      'error.code',
      'unknown_tool',
    );
    expect((await ann.call('POST', tool('nowhere'), {})).status).to.equal(404);
    expect((await audit('direct')).map(({ event, outcome }) => [event, outcome])).to.deep.equal([
      ['denied', null],
      ['limited', null],
      ['sent', 'done'],
      ['sent', 'done'],
      ['limited', null],
      ['dry_run', null],
    ]);
    const newest = (await admin.call('GET', '/api/audit?device=direct&last=2')).body as JsonObject[];
    expect(newest.map(({ event }) => event)).to.deep.equal(['limited', 'dry_run']);
    expect((await ann.call('GET', '/api/audit?device=direct')).status).to.equal(403);
    const exported = await fetch(`${server.url}/api/audit/export?device=direct&from=2020-01-01T00:00:00Z`, {
      headers: { authorization: `Bearer ${admin.token}` },
    });
    expect(exported.headers.get('content-type')).to.equal('application/x-ndjson');
    const lines = (await exported.text()).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as JsonObject)).to.deep.equal(await audit('direct'));
    const bad = await admin.call('GET', '/api/audit/export?from=yesterday&to=soon');
    expect([bad.status, (bad.body as JsonObject)['detail']]).to.deep.equal([
      400,
      'from must be a time such as 2030-01-31T12:00:00Z; to must be a time such as 2030-01-31T12:00:00Z',
    ]);
  });

  it('limit a step from the last value that is known, which a read or a write tells', async () => {
    await register('steps', {
      limits: [{ tools: ['set_brightness'], argument: 'brightness', maxStep: 10 }],
    });
    const codeOf = async (brightness: number) => {
      const { body } = await ann.call('POST', tool('steps'), { arguments: { brightness } });
      return (body as { error?: { code: string } }).error?.code ?? 'done';
    };
    expect(await codeOf(50)).to.equal('limit_exceeded');
    lamp.answer = (response) =>
      response.setHeader('content-type', 'application/json').end('{"brightness":45}');
    expect((await ann.call('POST', tool('steps', 'get_state'), {})).body).to.have.property('statusCode', 200);
    const codes: string[] = [];
    for (const value of [56, 50, 60, 71, 70]) codes.push(await codeOf(value));
    expect(codes).to.deep.equal(['limit_exceeded', 'done', 'done', 'limit_exceeded', 'done']);
    // A read that was asked for before a write, and answered after it, tells an old value.
    const asked = gate();
    const late = gate();
    lamp.answer = (response, { method }) => {
      const end = (): void =>
        void response.setHeader('content-type', 'application/json').end('{"brightness":70}');
      if (method !== 'GET') return end();
      asked.open();
      void late.opened.then(end);
    };
    const read = ann.call('POST', tool('steps', 'get_state'), {});
    await asked.opened;
    expect(await codeOf(78)).to.equal('done');
    late.open();
    await read;
    expect([await codeOf(88), await codeOf(77)]).to.deep.equal(['done', 'limit_exceeded']);
  });

  it('stop everything in an emergency: tasks end, writes are refused, reads go on, until an admin releases it', async () => {
    await register(
      'stopped',
      { calls: [{ when: { brightness: { above: 80 } }, decision: 'ask' }] },
      { safeState: [{ tool: 'set_brightness', arguments: { brightness: 1 } }] },
    );
    const { chat } = await talk(ann, 'stopped', [
      { answer: (response) => void response.on('close', () => {}) },
      set(50),
      { text: 'refused' },
    ]);
    chat.say('think');
    await chat.until(() => chat.seen.length > 0);
    const engaged = await ann.call('POST', '/api/estop', { scope: { device: 'stopped' }, reason: 'smoke' });
    const { at, ...stop } = engaged.body as JsonObject;
    expect(stop).to.deep.equal({
      engaged: true,
      scope: { device: 'stopped' },
      by: 'ann',
      reason: 'smoke',
      nodesBehind: 0,
    });
    await chat.tasksEnded(1);
    expect(chat.seen.at(-1)).to.deep.include({
      message: '[TASK_STOP]',
      error: { code: 'estop', message: 'An emergency stop ended the task.' },
    });
    await waitFor(() => sent().length === 1);
    expect(sent()).to.deep.equal(['PUT /brightness?brightness=1']);
    chat.say('set it');
    await chat.tasksEnded(2);
    expect(JSON.stringify(chat.seen)).to.contain('"code":"estop"');
    expect((await ann.call('POST', tool('stopped', 'get_state'), {})).body).to.have.property(
      'statusCode',
      200,
    );
    expect((await ann.call('GET', '/api/estop')).body).to.deep.equal({
      engaged: true,
      stops: [{ scope: { device: 'stopped' }, by: 'ann', at, reason: 'smoke' }],
    });
    const asked = await ann.call('POST', tool('stopped'), { arguments: { brightness: 90 } });
    expect(asked.body).to.have.nested.property('error.code', 'estop');
    const free = { scope: { device: 'stopped' }, reason: 'it was steam' };
    expect((await ann.call('POST', '/api/estop/release', free)).status).to.equal(403);
    expect((await admin.call('POST', '/api/estop/release', free)).body).to.deep.equal({
      released: 1,
      engaged: false,
      stops: [],
    });
    expect(
      (await ann.call('POST', tool('stopped'), { arguments: { brightness: 40 } })).body,
    ).to.have.property('statusCode', 200);
    expect(sent().filter((line) => line.startsWith('PUT'))).to.deep.equal([
      'PUT /brightness?brightness=1',
      'PUT /brightness?brightness=40',
    ]);
  });
});
