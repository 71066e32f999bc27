import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import type { JsonSchema } from '../../core/tool.ts';
import { AppError } from '../../errors.ts';
import { objectAt, own } from '../read.ts';
import { viewIn } from './defaults.ts';
import { propertyOf, schemasFor, type View } from './schemas-for.ts';

/**
 * The names on the wire of the member keys that were replaced in the parameters of one tool, because model APIs refuse
 * them (`@type` is offered as `type`).
 *
 * A name belongs to one place in the parameters. The same key in another object, in a free-form map or below a level that
 * was left open is not replaced. A table of keys alone could not tell these places apart.
 */
export class WireNames {
  /** By the `properties` object in which the keys are: it stays the same object when a schema gets another description. */
  readonly #names = new WeakMap<JsonObject, ReadonlyMap<string, string>>();
  #isEmpty = true;

  /** Notes the replaced keys of one `properties` object: key to the name on the wire. */
  add(properties: JsonObject, names: ReadonlyMap<string, string>): void {
    if (names.size === 0) return;
    this.#names.set(properties, names);
    this.#isEmpty = false;
  }

  /**
   * The arguments as the device knows them. `args` fit `parameters`. The keys at the top are the tool's own, and stay.
   * Throws an AppError `invalid_request` when two keys of one object mean the same name.
   */
  restore(args: JsonObject, parameters: JsonSchema): JsonObject {
    if (this.#isEmpty) return args;
    return this.#restoreObject(args, [parameters], '', (inner) => viewIn(parameters, inner));
  }

  #restore(value: JsonValue, schemas: readonly JsonSchema[], pointer: string, view: View): JsonValue {
    if (typeof value !== 'object' || value === null || schemas.length === 0) return value;
    if (!Array.isArray(value)) return this.#restoreObject(value, schemas, pointer, view);
    const items = schemas.flatMap((schema) => schemasFor(value, schema, view)).map(({ items: one }) => one);
    return value.map((item, index) =>
      this.#restore(item, items.filter(isObject), `${pointer}/${index}`, view),
    );
  }

  #restoreObject(value: JsonObject, schemas: readonly JsonSchema[], pointer: string, view: View): JsonObject {
    const whole = schemas.flatMap((schema) => schemasFor(value, schema, view));
    const restored: JsonObject = {};
    for (const [key, inner] of Object.entries(value)) {
      if (inner === undefined) continue;
      const naming = whole.find((schema) => propertyOf(schema, key) !== undefined);
      const name = this.#wireName(naming, key);
      if (Object.hasOwn(restored, name))
        throw new AppError('invalid_request', `${pointer}/${key} gives "${name}" a second time.`);
      const members = whole.flatMap((schema) => {
        const member = propertyOf(schema, key);
        if (member === undefined) return [own(schema, 'additionalProperties')];
        return this.#wireName(schema, key) === name ? [member] : [];
      });
      // A key like "__proto__" is data here.
      Object.defineProperty(restored, name, {
        value: this.#restore(inner, members.filter(isObject), `${pointer}/${key}`, view),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return restored;
  }

  /** The name on the wire of a key that `schema` describes; the key itself when no schema describes it. */
  #wireName(schema: JsonSchema | undefined, key: string): string {
    const properties = objectAt(schema, 'properties');
    return (properties === undefined ? undefined : this.#names.get(properties)?.get(key)) ?? key;
  }
}
