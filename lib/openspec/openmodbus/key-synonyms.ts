/** Words of manuals and of other programs for the keys of OpenModbus, without capitals, `_` and `-`. */
const synonyms: Readonly<Record<string, string>> = {
  address: 'addr reg register registeraddress start startaddress startingaddress offset',
  slaveId: 'id slave slaveaddress unit unitid deviceid station',
  storage: 'type registertype datatype fc function functioncode area table space kind',
  count: 'len length quantity size registers words number',
  method: 'access mode direction operation rw',
  parameter: 'argument arguments parameters params input',
  return: 'result results output value response',
  type: 'datatype format',
  multiplier: 'scale scaling scalefactor factor gain',
  uom: 'unit units',
  byteOrder: 'endian endianness order wordorder swap',
  enum: 'values options map mapping states',
  functions: 'registers tools operations points items tags',
  server: 'servers connection device host',
  url: 'host hostname ip address',
  baudRate: 'baud speed bitrate',
};

/** Whether a key is another word for a key of OpenModbus. */
export function isSynonym(written: string, key: string): boolean {
  const plain = written.toLowerCase().replaceAll(/[-_]/g, '');
  return synonyms[key]?.split(' ').includes(plain) === true;
}
