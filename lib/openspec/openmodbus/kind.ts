import type { KindDefinition } from '../kind.ts';
import { openmodbusNames } from './names.ts';
import { openmodbus } from './openmodbus.ts';

/** OpenModbus documents: devices on Modbus TCP, UDP and serial lines. */
export const openmodbusKind: KindDefinition = {
  ...openmodbusNames,
  open: (drivers) => openmodbus(drivers.get('modbus')),
  // The simulator is loaded when somebody wants one: a server never does.
  async simulate(document, options) {
    const { simulateOpenmodbusDocument } = await import('./simulator/simulate-document.ts');
    return simulateOpenmodbusDocument(document, options);
  },
};
