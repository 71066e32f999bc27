import type { Storage } from '../../drivers/modbus/request.ts';

/** The storage of each leading digit in manuals [Modicon PI-MBUS-300]. */
const storageOfDigit: Readonly<Record<string, Storage>> = {
  0: 'coils',
  1: 'discreteInput',
  3: 'inputRegisters',
  4: 'holdingRegisters',
};

/** The register that a number of a manual means: a digit for the storage, and four or five digits that count from 1. */
interface ManualAddress {
  storage: Storage;
  /** The address on the wire, from 0. */
  address: number;
}

/**
 * The register that an address means if it is a number of a manual: `40001`, `400001`, or as a text also `00001` and `4x0001`.
 * Undefined for everything else. A number below 10001 is no coil of a manual: documents and YAML have no leading zeros.
 */
function manualAddressOf(written: unknown): ManualAddress | undefined {
  if (typeof written !== 'number' && typeof written !== 'string') return undefined;
  const [, digit = '', rest = ''] = /^([0134])x?(\d{4,5})$/i.exec(String(written).trim()) ?? [];
  const storage = storageOfDigit[digit];
  const ordinal = Number(rest);
  return storage === undefined || ordinal < 1 || ordinal > 65_536
    ? undefined
    : { storage, address: ordinal - 1 };
}

/** An address that looks like a number of a manual, and the place that it means then. */
export interface ManualHint extends Record<string, string> {
  written: string;
  /** The storage and the address on the wire, in words. */
  place: string;
}

/** The hint for such an address, beside the storage that the document names; undefined for any other. */
export function manualHintOf(written: unknown, storage: Storage | undefined): ManualHint | undefined {
  const meant = manualAddressOf(written);
  if (meant === undefined) return undefined;
  const isElsewhere = storage !== undefined && storage !== meant.storage;
  return {
    written: String(written).trim(),
    place: `${meant.storage} ${meant.address} on the wire${isElsewhere ? ` (and not ${storage})` : ''}`,
  };
}
