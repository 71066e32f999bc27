import type { Egress } from '../../lib/drivers/egress.ts';
import { openModbus, type ModbusDriver } from '../../lib/drivers/modbus/modbus.ts';
import { openLocalEgress } from './modbus-egress.ts';
import { startModbusFake, type ModbusFake } from './modbus-fake.ts';

/** The Modbus driver and a fake device for it. A spec may put another driver in its place. */
export interface ModbusBench {
  egress: Egress;
  driver: ModbusDriver;
  fake: ModbusFake;
}

/** A new driver and a new fake device for each test of the suite that calls this. */
export function useModbusBench(): ModbusBench {
  const bench = {} as ModbusBench;
  beforeEach(async () => {
    bench.egress = openLocalEgress();
    bench.driver = openModbus({ egress: bench.egress });
    bench.fake = await startModbusFake();
  });
  afterEach(async () => {
    await bench.driver.close();
    await bench.fake.close();
    await bench.egress.close();
  });
  return bench;
}
