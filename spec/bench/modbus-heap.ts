// Prints by how much the heap has grown after 100,000 reads, 100 of them failing.
import { openModbus } from '../../lib/drivers/modbus/modbus.ts';
import { openmodbus } from '../../lib/openspec/openmodbus/openmodbus.ts';
import { callTool } from '../support/modbus-call.ts';
import { documentOf, functionOf } from '../support/modbus-document.ts';
import { openLocalEgress } from '../support/modbus-egress.ts';
import { answer, startModbusFake } from '../support/modbus-fake.ts';

const egress = openLocalEgress();
const driver = openModbus({ egress });
const fake = await startModbusFake();
const config = { port: fake.port, timeout: 5, retries: 0 };
const { tools } = await openmodbus(driver).compile(documentOf([functionOf()], config), {});

async function heapAfter(calls: number): Promise<number> {
  for (let call = 1; call <= calls; call++) {
    fake.behave = call % 1000 === 0 ? () => undefined : answer;
    await callTool(tools[0]);
    fake.requests.length = 0;
  }
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

await heapAfter(20_000);
const before = await heapAfter(2_000);
const growth = (await heapAfter(100_000)) - before;
console.log(`${(growth / 1024).toFixed(0)} KB`);
await driver.close();
await fake.close();
await egress.close();
