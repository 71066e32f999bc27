import { hasPeer } from './peers.ts';

/** Whether programs can be compiled against libmodbus. */
export function libmodbusIsThere(): boolean {
  return hasPeer('libmodbus and cc');
}
