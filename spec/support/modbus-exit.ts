/**
 * A process that uses Modbus devices which close their connections, and then shuts its driver down. It must end by itself:
 * `modbus-exit PORT PORT`.
 */
import { openModbus } from '../../lib/drivers/modbus/modbus.ts';
import { callOf, readOf, tcpEndpoint } from './modbus-call.ts';
import { openLocalEgress } from './modbus-egress.ts';

const egress = openLocalEgress();
const driver = openModbus({ egress });
for (let round = 0; round < 2; round++) {
  for (const port of process.argv.slice(2).map(Number)) {
    await driver.call(tcpEndpoint(port), callOf(readOf(1), { timeoutMs: 5000 }));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
await driver.close();
await egress.close();
process.stdout.write('closed\n');
