import { join } from 'node:path';
import { packageRoot } from '../../package.ts';
import { simulateAirConditioner } from './air-conditioner.ts';
import type { SimulatedDevice } from './device.ts';
import { simulateLights } from './lights.ts';
import { simulateRobot } from './robot.ts';

/** A device with the document that describes it; `port` is the one in the document. */
const plan = [
  {
    name: 'air conditioner',
    document: 'air-conditioner.openmodbus.json',
    port: 9531,
    start: simulateAirConditioner,
  },
  { name: 'lights', document: 'lights.openapi.json', port: 9532, start: simulateLights },
  { name: 'robot', document: 'robot.openrpc.json', port: 9533, start: simulateRobot },
] as const;

/** The devices of the demo, running. */
export interface House {
  /** Each device with its document's absolute path and its address. */
  devices: { name: string; document: string; device: SimulatedDevice }[];
  close(): Promise<void>;
}

/**
 * The three simulated devices of examples/, on the ports of their documents where those are free, else on others.
 */
export async function simulateHouse(): Promise<House> {
  const devices: House['devices'] = [];
  const close = async () => {
    await Promise.all(devices.map(({ device }) => device.close()));
  };
  try {
    for (const { name, document, port, start } of plan) {
      const device = await start(port).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE') throw error;
        return start(0);
      });
      devices.push({ name, document: join(packageRoot(), 'examples', document), device });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { devices, close };
}
