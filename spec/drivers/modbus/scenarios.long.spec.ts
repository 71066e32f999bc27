import { expect } from 'chai';
import type { JsonObject } from '../../../lib/common/json.ts';
import { adu, answer, goodPdu, goodReply, type FakeRequest } from '../../support/modbus-fake.ts';
import { expectError, expectValue, openScenario, type ScenarioWorld } from '../../support/modbus-scenario.ts';
import { waitFor } from '../../support/wait-for.ts';

/** One thing that happens to a session. It ends in right values or in clear errors. */
interface Scenario {
  name: string;
  /** Added to the document's server. */
  config?: JsonObject;
  run(world: ScenarioWorld): Promise<void>;
}

/** Scenarios are repeated: a fault often shows only in a state that an earlier one has left. */
const ROUNDS = 2;

const exception = (code: number) => (request: FakeRequest) =>
  request.socket.write(adu(request.id, request.unit, Buffer.of(request.fc | 0x80, code)));

/** Calls that read the registers 0 to 9 in turn, and the values that are right. */
function reads({ call }: ScenarioWorld, count: number): Promise<JsonObject>[] {
  return Array.from({ length: count }, (_, index) => call(`r${index % 10}`));
}
function expectReads(results: readonly JsonObject[]): void {
  results.forEach((result, index) => expectValue(result, index % 10));
}

/** A read and a write that meet a fault: the read fails with no effect, the write with an unknown one or none. */
function faulty(
  name: string,
  behave: (request: FakeRequest) => void,
  codes: readonly string[],
  effect: 'none' | 'unknown' = 'unknown',
): Scenario {
  return {
    name,
    async run({ call, fake }) {
      fake.behave = behave;
      expectError(await call('r1'), codes, 'none');
      // A back-off after a lost connection refuses the write unsent. Then it waits for the device once more.
      const write = (): Promise<JsonObject> => call('set', { value: 5 });
      let result = await write();
      await waitFor(async () => fake.writes.length > 0 || ((result = await write()), false), 5000);
      expectError(result, codes, effect);
      expect(fake.writes.length).to.equal(1);
    },
  };
}

const normal: Scenario[] = [
  {
    name: 'every storage is read',
    async run({ call }) {
      expectValue(await call('r7'), 7);
      expectValue(await call('measured'), 3);
      expectValue(await call('coil'), true);
      expectValue(await call('input'), false);
    },
  },
  {
    name: 'values are written, each once',
    async run({ call, fake }) {
      expectValue(await call('set', { value: 321 }), 321);
      expectValue(await call('set_coil', { value: true }), true);
      expect(fake.writes.map(({ pdu }) => pdu.toString('hex'))).to.deep.equal(['0600320141', '050003ff00']);
    },
  },
];

const faults: Scenario[] = [
  {
    name: 'the connection is refused',
    async run({ call, fake, stopDevice }) {
      await stopDevice();
      for (const [tool, args] of [
        ['r1', {}],
        ['set', { value: 5 }],
      ] as const)
        expectError(await call(tool, args), ['CONNECTION_FAILED'], 'none');
      expect(fake.writes.length).to.equal(0);
    },
  },
  faulty('the device does not answer', () => undefined, ['REQUEST_TIMEOUT']),
  ...[1, 2, 3, 6, 7, 8, 10].map((code) =>
    faulty(
      `the device answers with exception ${code}`,
      exception(code),
      [
        'ILLEGAL_FUNCTION',
        'ILLEGAL_DATA_ADDRESS',
        'ILLEGAL_DATA_VALUE',
        'DEVICE_BUSY',
        'NEGATIVE_ACKNOWLEDGMENT',
        'MEMORY_PARITY_ERROR',
        'GATEWAY_PATH_UNAVAILABLE',
      ],
      'none',
    ),
  ),
  ...[4, 5, 11, 77].map((code) =>
    faulty(`the device answers with exception ${code}`, exception(code), [
      'DEVICE_FAILURE',
      'ACKNOWLEDGE',
      'GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND',
      'UNDEFINED_ERROR_CODE',
    ]),
  ),
  faulty('the frame is malformed: no Modbus', ({ socket }) => socket.write('HTTP/1.1 400 Bad\r\n\r\n'), [
    'REQUEST_RX_FAILED',
  ]),
  faulty(
    'the frame is malformed: too long',
    (request) => {
      const frame = goodReply(request);
      frame.writeUInt16BE(frame.readUInt16BE(4) + 2, 4);
      request.socket.write(Buffer.concat([frame, Buffer.alloc(2)]));
    },
    ['REQUEST_RX_FAILED'],
  ),
  faulty('the frame breaks off', (request) => request.socket.write(goodReply(request).subarray(0, 8)), [
    'REQUEST_TIMEOUT',
  ]),
  {
    name: 'the device is slow, but in time',
    config: { timeout: 5000 },
    async run({ call, fake }) {
      fake.behave = (request) => void setTimeout(() => answer(request), 60);
      expectReads(await Promise.all(reads({ call } as ScenarioWorld, 5)));
      expectValue(await call('set', { value: 5 }), 5);
      expect(fake.writes.length).to.equal(1);
    },
  },
  {
    name: 'the device is too slow, and its late answers are taken for no others',
    config: { retries: 0 },
    async run({ call, fake }) {
      const late: FakeRequest[] = [];
      fake.behave = (request) => late.push(request);
      expectError(await call('r1'), ['REQUEST_TIMEOUT'], 'none');
      fake.behave = (request) => {
        for (const old of late.splice(0)) answer(old);
        answer(request);
      };
      expectValue(await call('r2'), 2);
    },
  },
  faulty('the connection is dropped in mid-exchange', ({ socket }) => socket.end(), [
    'REQUEST_RX_FAILED',
    'CONNECTION_FAILED',
  ]),
  faulty(
    'the connection is reset behind a half answer',
    (request) => {
      request.socket.write(goodReply(request).subarray(0, 8));
      setImmediate(() => request.socket.resetAndDestroy());
    },
    ['REQUEST_RX_FAILED', 'CONNECTION_FAILED'],
  ),
  faulty('another unit answers', (request) => request.socket.write(adu(request.id, 9, goodPdu(request))), [
    'REQUEST_RX_WRONG_UNIT_ID',
  ]),
];

const stress: Scenario[] = [
  ...[1, 16].map((maxInFlight) => ({
    name: `a burst of 250 reads, ${maxInFlight} on the way`,
    config: { maxInFlight, timeout: 5000 },
    run: async (world: ScenarioWorld) => expectReads(await Promise.all(reads(world, 250))),
  })),
  {
    name: 'a burst of 200 writes arrives once each, in order',
    config: { timeout: 5000 },
    async run({ call, fake }) {
      const values = Array.from({ length: 200 }, (_, value) => value);
      const results = await Promise.all(values.map((value) => call('set', { value })));
      results.forEach((result, value) => expectValue(result, value));
      expect(fake.writes.map(({ count }) => count)).to.deep.equal(values);
    },
  },
  {
    name: 'a burst of 300 calls: 44 are refused at once, unsent',
    config: { timeout: 5000 },
    async run(world) {
      await world.call('r0');
      const held: FakeRequest[] = [];
      world.fake.behave = (request) => held.push(request);
      const first = world.call('r0');
      await waitFor(() => held.length === 1);
      const calls = reads(world, 300);
      world.fake.behave = answer;
      held.forEach(answer);
      const results = await Promise.all(calls);
      expectReads(results.slice(0, 256));
      for (const result of results.slice(256)) expectError(result, ['QUEUE_FULL'], 'none');
      expectValue(await first, 0);
    },
  },
  ...[10, 100].map((count) => ({
    name: `${count} clients share the connection`,
    config: { timeout: 5000 },
    async run({ call, fake, newSession }: ScenarioWorld) {
      const sessions = Array.from({ length: count }, newSession);
      const results = await Promise.all(
        sessions.map((session, index) => call(`r${index % 10}`, {}, session)),
      );
      expectReads(results);
      expect(fake.accepted).to.equal(1);
    },
  })),
  {
    name: 'the largest ranges are read and written',
    config: { timeout: 5000 },
    async run({ call, fake }) {
      expectValue(
        await call('registers'),
        Array.from({ length: 125 }, (_, index) => 100 + index),
      );
      expectValue(
        await call('bits'),
        Array.from({ length: 2000 }, (_, index) => index % 2 === 1),
      );
      const words = Array.from({ length: 123 }, (_, index) => index * 500);
      const flags = Array.from({ length: 1968 }, (_, index) => index % 3 === 0);
      expectValue(await call('set_registers', { value: words }), words);
      expectValue(await call('set_bits', { value: flags }), flags);
      expect(fake.writes.map(({ fc }) => fc)).to.deep.equal([16, 15]);
    },
  },
  {
    name: 'reads and writes are mixed, and every seventh request is refused',
    config: { timeout: 5000 },
    async run({ call, fake }) {
      fake.behave = (request) => (fake.requests.length % 7 === 0 ? exception(3)(request) : answer(request));
      const results = await Promise.all(
        Array.from({ length: 70 }, (_, index) => (index % 2 ? call('set', { value: index }) : call('r4'))),
      );
      const refused = results.filter((result, index) => {
        if (result['statusCode'] === 0) expectValue(result, index % 2 ? index : 4);
        else expectError(result, ['ILLEGAL_DATA_VALUE'], 'none');
        return result['statusCode'] !== 0;
      });
      expect([refused.length, fake.writes.length]).to.deep.equal([10, 35]);
    },
  },
  {
    name: 'every tenth connection breaks while reads and writes are mixed',
    config: { timeout: 5000, retries: 3 },
    async run({ call, fake }) {
      fake.behave = (request) => (fake.requests.length % 10 === 0 ? request.socket.end() : answer(request));
      const results = await Promise.all(
        Array.from({ length: 60 }, (_, index) => (index % 2 ? call('set', { value: index }) : call('r4'))),
      );
      results.forEach((result, index) => {
        if (index % 2 === 0) expectValue(result, 4);
        else if (result['statusCode'] === 0) expectValue(result, index);
        else expectError(result, ['REQUEST_RX_FAILED'], 'unknown');
      });
      const values = fake.writes.map(({ count }) => count);
      expect(values.length).to.equal(new Set(values).size);
    },
  },
  {
    name: 'a burst waits for a slow device',
    config: { timeout: 5000 },
    async run(world) {
      world.fake.behave = (request) => void setTimeout(() => answer(request), 3);
      expectReads(await Promise.all(reads(world, 60)));
    },
  },
  {
    name: 'a stop takes the calls of a burst out that have not left',
    async run({ call, fake }) {
      const held: FakeRequest[] = [];
      fake.behave = (request) => held.push(request);
      const stop = new AbortController();
      const calls = Array.from({ length: 50 }, (_, value) => call('set', { value }, undefined, stop.signal));
      await waitFor(() => held.length === 1);
      stop.abort();
      held.forEach(answer);
      const [first, ...others] = await Promise.all(calls);
      expectValue(first!, 0);
      for (const result of others) expectError(result, ['cancelled'], 'none');
      expect(fake.writes.length).to.equal(1);
    },
  },
  {
    name: 'reads are joined while writes go alone',
    config: { coalesce: true, timeout: 5000 },
    async run(world) {
      const write = world.call('set', { value: 9 });
      expectReads(await Promise.all(reads(world, 100)));
      expectValue(await write, 9);
      expect(world.fake.requests.length).to.be.below(30);
    },
  },
];

const recovery: Scenario[] = [
  {
    name: 'the device restarts between two calls',
    async run({ call, stopDevice, startDevice }) {
      expectValue(await call('r1'), 1);
      await stopDevice();
      await startDevice();
      expectValue(await call('r2'), 2);
      expectValue(await call('set', { value: 5 }), 5);
    },
  },
  {
    name: 'the device restarts while a read and a write wait for it',
    async run({ call, fake, stopDevice, startDevice }) {
      fake.behave = () => undefined;
      const calls = [call('set', { value: 5 }), call('r2')];
      await waitFor(() => fake.requests.length === 1);
      await stopDevice();
      const [write, read] = await Promise.all(calls);
      expectError(write!, ['REQUEST_RX_FAILED'], 'unknown');
      expectError(read!, ['CONNECTION_FAILED', 'REQUEST_RX_FAILED'], 'none');
      await startDevice();
    },
  },
  {
    name: 'the device is away for some calls',
    async run({ call, stopDevice, startDevice }) {
      await stopDevice();
      for (let attempt = 0; attempt < 5; attempt++)
        expectError(await call('set', { value: attempt }), ['CONNECTION_FAILED'], 'none');
      await startDevice();
    },
  },
  {
    name: 'the device restarts in the middle of a burst',
    config: { retries: 3 },
    async run(world) {
      const { fake } = world;
      fake.behave = (request) => {
        if (fake.requests.length === 20) void world.stopDevice();
        else answer(request);
      };
      const results = await Promise.all(reads(world, 60));
      results.forEach((result, index) => {
        if (result['statusCode'] === 0) expectValue(result, index % 10);
        else expectError(result, ['CONNECTION_FAILED', 'REQUEST_RX_FAILED'], 'none');
      });
      await world.startDevice();
    },
  },
];

for (const [kind, scenarios] of Object.entries({ normal, faults, stress, recovery })) {
  describe(`a session with a Modbus device (${kind})`, () => {
    for (const { name, config, run } of scenarios) {
      it(name, async function () {
        this.timeout(30_000);
        for (let round = 0; round < ROUNDS; round++) {
          const world = await openScenario(config);
          try {
            await run(world);
            await expectRecovery(world);
          } finally {
            await world.close();
          }
        }
      });
    }
  });
}

/** Expects that the same session reads and writes again, once the device is well. */
async function expectRecovery(world: ScenarioWorld): Promise<void> {
  const { fake, call } = world;
  fake.behave = answer;
  await fake.close();
  await world.startDevice();
  await waitFor(async () => (await call('r3'))['statusCode'] === 0, 20_000);
  expectValue(await call('r6'), 6);
  expectValue(await call('set', { value: 42 }), 42);
  expect(world.fake.writes.map(({ count }) => count)).to.deep.equal([42]);
}
