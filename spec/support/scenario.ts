import { readFileSync } from 'node:fs';
import type { JsonObject } from '../../lib/common/json.ts';
import { simulateHouse, type House } from '../../lib/cli/demo/house.ts';

/** The simulated house and its documents as openSpecList entries that point at it. */
export async function openHouse(): Promise<House & { documents: JsonObject[] }> {
  const house = await simulateHouse();
  const documents = house.devices.map(({ document, device }) => ({
    openSpec: readFileSync(document, 'utf8'),
    server: device.server,
  }));
  return { ...house, documents };
}
