import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonObject } from '../../lib/common/json.ts';
import { openTestApp, type TestApp } from '../support/app.ts';
import { lampDocument } from '../support/lamp.ts';
import { refusalOf } from '../support/refusal.ts';

describe('the files of devices and rules', () => {
  let folder: string;
  let app: TestApp | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lite-agent-devices-'));
    await mkdir(join(folder, 'documents'));
    await writeFile(join(folder, 'documents/lamp.json'), JSON.stringify(lampDocument));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await rm(folder, { recursive: true });
  });

  const put = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text);
  const list = async (): Promise<JsonObject[]> => (await app!.get('/api/devices')).body as JsonObject[];
  const named = async (name: string): Promise<JsonObject> =>
    (await list()).find((one) => one['name'] === name)!;
  const call = async (method: string, body: JsonObject): Promise<[number, unknown]> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${app!.url}/api/devices/desk`, {
      method,
      headers,
      ...(method === 'PUT' && { body: JSON.stringify(body) }),
    });
    return [answer.status, ((await answer.json()) as JsonObject)['detail']];
  };

  it('make devices that the API cannot change, and says so', async () => {
    await put('desk.yaml', 'openSpec: documents/lamp.json\ntags: [home]\n');
    await put('other.json', JSON.stringify({ name: 'shelf', openSpec: lampDocument }));
    await put('notes.txt', 'no device');
    app = await openTestApp({ DEVICES_DIR: folder });
    const state = { reachable: null, lastCallAt: null, lastError: null };
    const shown = {
      title: 'Lamp',
      kind: 'openapi',
      version: 1,
      enabled: true,
      readOnly: true,
      tools: 2,
      state,
    };
    expect(await list()).to.deep.equal([
      { name: 'desk', ...shown, tags: ['home'] },
      { name: 'shelf', ...shown, tags: [] },
    ]);
    const words =
      'The device "desk" is described by a file of DEVICES_DIR: change the file, and send SIGHUP to the server.';
    expect(await call('PUT', { openSpec: lampDocument })).to.deep.equal([409, words]);
    expect(await call('DELETE', {})).to.deep.equal([409, words]);
  });

  it('are read again: a change is a new version, a file that is gone is a device that was removed', async () => {
    await put('desk.yaml', 'openSpec: documents/lamp.json\n');
    await put('shelf.yaml', 'openSpec: documents/lamp.json\n');
    app = await openTestApp({ DEVICES_DIR: folder });
    await put('desk.yaml', 'openSpec: documents/lamp.json\ntitle: Desk\n');
    await rm(join(folder, 'shelf.yaml'));
    await app.reload();
    expect((await list()).map(({ name, version, title }) => [name, version, title])).to.deep.equal([
      ['desk', 2, 'Desk'],
    ]);
    await app.reload();
    expect((await list()).map(({ version }) => version)).to.deep.equal([2]);
  });

  it('with a fault stop no other: the device is broken, says why, and is not called', async () => {
    await put('desk.yaml', 'openSpec: documents/lamp.json\n');
    await put('broken.yaml', 'openSpec: documents/lamp.json\nrule: {}\n');
    await put('no-yaml.yaml', 'openSpec: [\n');
    await put('double.yaml', 'name: desk\nopenSpec: documents/lamp.json\n');
    app = await openTestApp({ DEVICES_DIR: folder });
    const faults = (await list()).map(({ name, version, fault }) => [name, version, fault]);
    expect(faults.slice(0, 2)).to.deep.equal([
      ['broken', 0, 'broken.yaml: The device cannot be used: /rule is not known; did you mean "rules"?.'],
      ['desk', 1, undefined],
    ]);
    expect(faults[2]?.slice(0, 2)).to.deep.equal(['no-yaml', 0]);
    expect(faults[2]?.[2]).to.match(/^no-yaml\.yaml: .*line \d/s);
    expect(app.complaints.some((text) => text.includes('the name desk is that of another file'))).to.equal(
      true,
    );
    const refused = await app.post('/api/init', { devices: ['broken'] });
    expect([refused.status, (refused.body as JsonObject)['detail']]).to.deep.equal([
      400,
      '/devices/0: it cannot be used: broken.yaml: The device cannot be used: /rule is not known; did you mean "rules"?.',
    ]);
    expect((await app.get('/api/devices/broken/tools')).status).to.equal(503);
    await put('desk.yaml', 'openSpec: documents/lamp.json\nenabled: 5\n');
    await put('broken.yaml', 'openSpec: documents/lamp.json\n');
    await app.reload();
    expect((await named('desk'))['fault']).to.equal(
      'desk.yaml: The device cannot be used: /enabled must be true or false.',
    );
    expect((await named('broken'))['fault']).to.equal(undefined);
  });

  it('leave a device of the API alone', async () => {
    app = await openTestApp({ DEVICES_DIR: folder });
    await app.post('/api/devices', { name: 'desk', openSpec: lampDocument, title: 'Mine' });
    await put('desk.yaml', 'openSpec: documents/lamp.json\n');
    await app.reload();
    expect((await named('desk'))['title']).to.equal('Mine');
    expect(app.complaints).to.deep.equal([
      'a device of DEVICES_DIR cannot be used: The name "desk" is the name of another device: take another one, or change that device.',
    ]);
  });

  it('keep a server from starting when its rules have a fault, or a folder is missing', async () => {
    await put('rules.yaml', 'calls:\n  - tool: [x]\n    decision: deny\n');
    const rules = await refusalOf(openTestApp({ RULES_FILE: join(folder, 'rules.yaml') }));
    expect([rules.code, rules.message]).to.deep.equal([
      'invalid_request',
      'The rules cannot be used: /calls/0/tool is not known; did you mean "tools"?.',
    ]);
    const missing = await refusalOf(openTestApp({ DEVICES_DIR: join(folder, 'none') }));
    expect(missing.message).to.match(/^DEVICES_DIR cannot be read: ENOENT/);
    const noFile = await refusalOf(openTestApp({ RULES_FILE: join(folder, 'none.yaml') }));
    expect(noFile.message).to.match(/^RULES_FILE cannot be read: ENOENT/);
  });

  it('keep the rules that hold when a new file of rules has a fault', async () => {
    await put('rules.yaml', '# nothing yet\n');
    app = await openTestApp({ RULES_FILE: join(folder, 'rules.yaml') });
    await put('rules.yaml', 'calls: 5\n');
    await app.reload();
    expect(app.complaints).to.deep.equal([
      'RULES_FILE was not taken, its earlier state holds: The rules cannot be used: /calls must be a list of at most 1000 rules.: The rules cannot be used: /calls must be a list of at most 1000 rules.',
    ]);
  });
});
