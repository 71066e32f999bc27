import type { KindNames } from '../kind.ts';

/** How OpenModbus documents are called and recognized. */
export const openmodbusNames: KindNames = {
  name: 'openmodbus',
  protocols: ['openmodbus'],
  rootKeys: ['openmodbus'],
  detect: (document) => 'openmodbus' in document,
};
