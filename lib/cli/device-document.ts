import { existsSync } from 'node:fs';
import { deviceNameSchema } from '../devices/device-schema.ts';
import type { RuleBook } from '../devices/rules.ts';
import { failed, type Tool } from '../core/tool.ts';
import { openOwnDocument, type OpenDocument } from './document.ts';

/** Whether a place is the name of a device that the server knows, and no file. */
export function isDeviceName(place: string): boolean {
  return new RegExp(deviceNameSchema.pattern).test(place) && !existsSync(place);
}

/** The document of a device that the server knows by this name, else the document at this place. */
export function openDeviceOrDocument(
  place: string,
  ...rest: Parameters<typeof openOwnDocument> extends [string, ...infer Rest] ? Rest : never
): Promise<OpenDocument> {
  return isDeviceName(place) ? openDevice(place) : openOwnDocument(place, ...rest);
}

/** Opens a device of the settings' database for reads. Its rules hold here, too. */
async function openDevice(name: string): Promise<OpenDocument> {
  const { openOwnDevices } = await import('./own-devices.ts');
  const { devices, limits, close } = await openOwnDevices();
  try {
    await devices.find(name, 'operator');
    const { spec, connection, release } = await devices.open({ name }, 'operator');
    const book = await devices.books.bookFor(connection.registered);
    return {
      spec: { ...spec, tools: spec.tools.map((tool) => ruled(tool, book)) },
      connection,
      release,
      limits,
      async close() {
        release();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A tool whose calls are refused where the rules do not allow them: nobody can be asked here. */
function ruled(tool: Tool, book: RuleBook): Tool {
  const { name, description, parameters, operation, effect, risk } = tool;
  return {
    name,
    description,
    parameters,
    operation,
    effect,
    risk,
    device: (connection) => tool.device?.(connection),
    complete: (args) => tool.complete?.(args) ?? args,
    call(args, context) {
      const call = { tool: name, operation, effect, risk: risk ?? 'normal', arguments: args } as const;
      // `ask` is refused, too: a decision needs a running server and a person.
      const { decision, rule } = book.decide(call, new Date());
      return decision === 'allow'
        ? tool.call(args, context)
        : Promise.resolve(failed('denied_by_rule', rule, 'none'));
    },
  };
}
