import type { Egress } from './egress.ts';
import type { HttpDriver } from './http.ts';
import type { JsonrpcDriver } from './jsonrpc.ts';
import type { ModbusDriver } from './modbus/modbus.ts';

/** The drivers by name. A driver of one's own adds its name here by declaration merging. */
export interface DriverByName {
  http: HttpDriver;
  jsonrpc: JsonrpcDriver;
  modbus: ModbusDriver;
}

/** The things that a driver may need to open. */
export interface DriverContext {
  egress: Egress;
  /** A result's `body` is cut to this size. */
  resultMaxBytes: number;
  /** The other drivers. */
  drivers: Drivers;
}

/** How each driver is opened. */
export type DriverTable = {
  readonly [Name in keyof DriverByName]: (context: DriverContext) => DriverByName[Name];
};

/** The drivers of one process. A driver is opened when somebody asks for it first. */
export class Drivers {
  readonly #table: DriverTable;
  readonly #options: Omit<DriverContext, 'drivers'>;
  readonly #open: Partial<DriverByName> = {};

  constructor(table: DriverTable, options: Omit<DriverContext, 'drivers'>) {
    this.#table = table;
    this.#options = options;
  }

  /** The driver with this name. */
  get<Name extends keyof DriverByName>(name: Name): DriverByName[Name] {
    const known: DriverByName[Name] | undefined = this.#open[name];
    if (known !== undefined) return known;
    const driver = this.#table[name]({ ...this.#options, drivers: this });
    this.#open[name] = driver;
    return driver;
  }

  /** Closes each driver that holds something open. */
  async close(): Promise<void> {
    await Promise.all(
      Object.values(this.#open).map(async (driver: object) => {
        if ('close' in driver && typeof driver.close === 'function')
          await (driver.close as () => Promise<void>)();
      }),
    );
  }
}
