import { expect } from 'chai';
import { startCrashDevice, type CrashDevice } from '../support/crash-device.ts';
import { startCrashModel, type CrashModel } from '../support/crash-model.ts';
import { sendThroughDrops } from '../support/dropped-requests.ts';
import { openThreadServer, type ThreadServer } from '../support/threads.ts';

const TALKS = 50;
const REQUESTS_EACH = 10;

describe('many requests that are repeated because their answers were lost', function () {
  this.timeout(600_000);
  let model: CrashModel;
  let device: CrashDevice;
  let server: ThreadServer;
  before(async () => {
    model = await startCrashModel(() => 0);
    device = await startCrashDevice(() => 0);
    server = await openThreadServer({ baseUrl: model.baseUrl, apiKey: 'none' });
  });
  after(async () => {
    await server.close();
    await Promise.all([model.close(), device.close()]);
  });

  it(`move a device once each: ${TALKS * REQUESTS_EACH} of the official client`, async () => {
    const ada = await server.caller('ada');
    const body = { openSpecList: [{ openSpec: JSON.stringify(device.document) }] };
    const openThread = async () => ((await ada.call('POST', '/v1/threads', body)).body as { id: string }).id;
    const sent = await sendThroughDrops(server, { caller: ada, device }, openThread, {
      talks: TALKS,
      requestsEach: REQUESTS_EACH,
      percent: 20,
    });
    expect(sent.drops).to.be.at.least(150);
    expect(sent.writes).to.deep.equal(Array.from({ length: TALKS * REQUESTS_EACH }, () => 1));
    for (const { answered, listed } of sent.threads) expect(listed).to.deep.equal(answered);
  });
});
