/** A commented OpenModbus document of an energy meter. `{schema}` is the place of the JSON Schema. */
export const meterTemplate = `# yaml-language-server: $schema={schema}
# An energy meter on Modbus TCP. The manual of your meter has a table of registers: copy one row into one function.
openmodbus: "1.0.0"
info:
  title: Energy meter
  version: "1.0.0"

server:
  type: tcp                  # tcp, udp, rtu or ascii
  config:
    url: 127.0.0.1           # the address of the meter or its gateway
    port: 5020               # 502 is usual; for rtu and ascii: /dev/ttyUSB0, and baudRate: 9600

functions:
  - name: read_power         # the name that the model uses: letters, digits, _ and -
    description: Read the power that is drawn now
    method: read
    path:
      slaveId: 1             # the unit, 1 to 247
      storage: inputRegisters # coils, discreteInput, inputRegisters or holdingRegisters
      address: 0             # from 0: the number 30001 of a manual is 0 here, and 30053 is 52
    return:
      name: power
      type: float32          # bool int16 uint16 int32 uint32 int64 uint64 float32 float64 string
      byteOrder: ABCD        # CDAB when the words are the other way round
      uom: W                 # the unit, which the model sees
      min: 0                 # the range; a simulated meter begins in its middle
      max: 16000

  - name: read_energy
    description: Read the energy that was drawn since the meter was installed
    method: read
    path: { slaveId: 1, storage: inputRegisters, address: 2 }
    return:
      name: energy
      type: uint32
      multiplier: 0.01       # value = number in the register × multiplier + offset
      uom: kWh

  - name: set_limit
    description: Set the power above which the meter switches off
    method: write
    path: { slaveId: 1, storage: holdingRegisters, address: 0 }
    parameter:
      name: limit
      type: uint16
      min: 100               # a value outside never reaches the meter
      max: 16000
      uom: W
`;
