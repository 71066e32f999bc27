import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import modbusSerial from 'modbus-serial';
import { openModbus } from '../../lib/drivers/modbus/modbus.ts';
import { openmodbus } from '../../lib/openspec/openmodbus/openmodbus.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import type { Tool } from '../../lib/core/tool.ts';
import { callTool } from '../support/modbus-call.ts';
import { documentOf, functionOf } from '../support/modbus-document.ts';
import { openLocalEgress } from '../support/modbus-egress.ts';
import { startLineFake } from '../support/modbus-line-fake.ts';
import { libmodbusIsThere } from '../support/modbus-peers.ts';
import { compileLibmodbus, start } from '../support/modbus-server.ts';
import { table } from './table.ts';

interface Cost {
  perSecond: number;
  cpuMicros: number;
}

/** What a read of one register over TCP costs: a tool call through the driver, bare modbus-serial, libmodbus in C. */
export async function run({ reads = 10_000, turns = 7 } = {}): Promise<void> {
  const compiled = libmodbusIsThere() ? await compileLibmodbus('modbus-libmodbus-server.c') : undefined;
  const client = compiled ? await compileLibmodbus('modbus-libmodbus-client.c') : undefined;
  const own = ['--import', 'tsx', fileURLToPath(new URL('modbus-device.ts', import.meta.url))];
  const server = await start(compiled?.program ?? process.execPath, compiled ? ['tcp'] : own);
  try {
    const ways: Record<string, () => Promise<Cost>> = {
      'tool call': () => measureTool(server.port, reads),
      'modbus-serial': () => measureBare(server.port, reads),
      ...(client ? { 'libmodbus (C)': async () => measureC(client.program, server.port, reads) } : {}),
    };
    const costs = new Map<string, Cost[]>();
    for (let turn = 0; turn <= turns; turn++) {
      for (const [name, measure] of Object.entries(ways)) {
        const cost = await measure();
        // The first turn warms up.
        if (turn > 0) costs.set(name, [...(costs.get(name) ?? []), cost]);
      }
    }
    // The best turn of each is the one that other programs disturbed least.
    const best = [...costs].map(([name, all]) => ({
      name,
      perSecond: Math.max(...all.map(({ perSecond }) => perSecond)),
      cpuMicros: Math.min(...all.map(({ cpuMicros }) => cpuMicros)),
    }));
    const bare = best.find(({ name }) => name === 'modbus-serial')?.perSecond ?? Number.NaN;
    console.log(
      `one register after the other, best of ${turns} turns, server: ${compiled ? 'libmodbus' : 'a fake in Node'}\n`,
    );
    console.log(
      table(
        best.map(({ name, perSecond, cpuMicros }) => ({
          client: name,
          'reads/s': perSecond,
          'CPU µs/read': cpuMicros,
          'of modbus-serial': perSecond / bare,
        })),
      ),
    );
    console.log('\nwanted of the tool call: 0.8 of modbus-serial, at most 20 µs CPU a read\n');
  } finally {
    await server.close();
    await compiled?.remove();
    await client?.remove();
  }
  await slowBus();
  await heap();
}

async function timed(reads: number, read: () => Promise<unknown>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  for (let index = 0; index < reads; index++) await read();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: reads / seconds, cpuMicros: (user + system) / reads };
}

/** Opens a driver and the tools of a document, for as long as `use` takes. */
async function withTools<T>(document: JsonObject, use: (tools: readonly Tool[]) => Promise<T>): Promise<T> {
  const egress = openLocalEgress();
  const driver = openModbus({ egress });
  try {
    return await use((await openmodbus(driver).compile(document, {})).tools);
  } finally {
    await driver.close();
    await egress.close();
  }
}

function measureTool(port: number, reads: number): Promise<Cost> {
  const document = documentOf([functionOf({ path: { address: 1 }, value: { multiplier: 0.1 } })], { port });
  return withTools(document, async ([tool]) => {
    const { signal } = new AbortController();
    const context = { connection: {}, signal, timeoutMs: 30_000 };
    return timed(reads, () => tool!.call({}, context));
  });
}

async function measureBare(port: number, reads: number): Promise<Cost> {
  const client = new modbusSerial.default();
  await client.connectTCP('127.0.0.1', { port });
  client.setID(1);
  client.setTimeout(3000);
  try {
    return await timed(reads, () => client.readHoldingRegisters(1, 1));
  } finally {
    await new Promise<void>((resolve) => client.close(() => resolve()));
  }
}

function measureC(program: string, port: number, reads: number): Cost {
  const [seconds = 0, cpu = 0] = execFileSync(program, [String(port), String(reads)], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .map(Number);
  return { perSecond: reads / seconds, cpuMicros: (cpu / reads) * 1e6 };
}

/** Ten adjacent registers on a bus of 9600 baud (a fake that takes as long as the bytes would), with and without `coalesce`. */
async function slowBus(): Promise<void> {
  const msPerByte = 10_000 / 9600;
  const fake = await startLineFake('rtu');
  fake.behave = (request) => {
    const bytes = 8 + 5 + request.count * 2;
    void delay(bytes * msPerByte).then(() => fake.answer(request));
  };
  const functions = Array.from({ length: 10 }, (_, address) =>
    functionOf({ name: `r${address}`, path: { address } }),
  );
  const rows: Record<string, string | number>[] = [];
  for (const [name, config, count] of [
    ['one register', {}, 1],
    ['ten registers', {}, 10],
    ['ten registers, coalesce', { coalesce: true }, 10],
  ] as const) {
    const bus = { port: fake.port, framing: 'rtu', requestDelay: 5, ...config };
    await withTools(documentOf(functions, bus), async (tools) => {
      const round = (): Promise<unknown> => Promise.all(tools.slice(0, count).map((tool) => callTool(tool)));
      await round();
      await delay(20);
      const before = fake.requests.length;
      const started = performance.now();
      await round();
      rows.push({ read: name, ms: performance.now() - started, requests: fake.requests.length - before });
    });
  }
  await fake.close();
  console.log('a bus of 9600 baud\n');
  console.log(`${table(rows)}\n`);
}

/** Heap after 100,000 calls, in a process of its own where the collector can be asked. */
async function heap(): Promise<void> {
  const script = fileURLToPath(new URL('modbus-heap.ts', import.meta.url));
  const args = ['--expose-gc', '--import', 'tsx', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  console.log(`heap growth over 100,000 calls (wanted: below 1 MB): ${stdout.trim() || stderr}`);
}
