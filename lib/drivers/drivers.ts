import { AppError } from '../errors.ts';
import type { Egress } from './egress.ts';
import type { HttpDriver } from './http.ts';
import type { JsonrpcDriver } from './jsonrpc.ts';
import type { McpDriver } from './mcp/mcp.ts';
import type { ModbusDriver } from './modbus/modbus.ts';

/** The drivers of the server by name. */
export interface DriverByName {
  http: HttpDriver;
  jsonrpc: JsonrpcDriver;
  mcp: McpDriver;
  modbus: ModbusDriver;
}

/** The parts that a driver may take. */
export interface DriverContext {
  /** The one door for connections to the outside. */
  egress: Egress;
  /** The size to which the `body` of a result is cut. */
  resultMaxBytes: number;
  /** The other drivers. */
  drivers: Drivers;
}

/** How each driver is opened, by name. A driver with a `close` method is closed with the server. */
export type DriverTable = Readonly<Record<string, (context: DriverContext) => object>>;

/** The drivers of one process. A driver is opened when a kind asks for it first. */
export class Drivers {
  readonly #table: DriverTable;
  readonly #options: Omit<DriverContext, 'drivers'>;
  readonly #open = new Map<string, object>();

  constructor(table: DriverTable, options: Omit<DriverContext, 'drivers'>) {
    this.#table = table;
    this.#options = options;
  }

  /** The driver with this name. The caller knows the type of a driver that is not one of the server's own. */
  get<Name extends keyof DriverByName>(name: Name): DriverByName[Name];
  get(name: string): object;
  get(name: string): object {
    const known = this.#open.get(name);
    if (known) return known;
    const open = this.#table[name];
    if (!open)
      throw new AppError('internal', `No driver is named "${name}": add it to the table of drivers.`);
    const driver = open({ ...this.#options, drivers: this });
    this.#open.set(name, driver);
    return driver;
  }

  /** Closes every driver that holds something open. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(closeDriver));
  }
}

async function closeDriver(driver: object): Promise<void> {
  if ('close' in driver && typeof driver.close === 'function')
    await (driver.close as () => Promise<void> | void).call(driver);
}
