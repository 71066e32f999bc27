import { isObject, type JsonValue } from '../../../common/json.ts';
import { listAt } from '../../read.ts';
import { viewOf } from '../../schema/schema-view.ts';
import { sampleOf } from '../../schema/sample.ts';
import type { SpecDocument } from '../../spec-document.ts';
import { pathVariable } from '../request-shape.ts';
import { idLike, identityOf, listIn } from './members.ts';
import type { OperationRoute } from './operation-routes.ts';
import { isJson, successReplyOf, type Reply } from './reply.ts';

/** The GET operation of a path that answers JSON, and its answer. */
interface Getter {
  route: OperationRoute;
  reply: Reply;
}

/**
 * The values that a document's GET operations give before anybody changed one. A value is made when it is first asked for,
 * and is the same every time.
 */
export class Getters {
  readonly #document: SpecDocument;
  readonly #routes: readonly OperationRoute[];
  /** By the template of the path. */
  readonly #getters = new Map<string, Getter>();
  readonly #samples = new Map<Reply, JsonValue>();

  constructor(document: SpecDocument, routes: readonly OperationRoute[]) {
    this.#document = document;
    this.#routes = routes;
    for (const route of routes) {
      if (route.method !== 'GET' || this.#getters.has(route.template)) continue;
      const reply = successReplyOf(document, route);
      if (reply.content !== undefined && isJson(reply.content.type))
        this.#getters.set(route.template, { route, reply });
    }
  }

  /** The templates of the paths that can be read. */
  get templates(): string[] {
    return [...this.#getters.keys()];
  }

  /** The getter of a path template; undefined for a path that cannot be read. */
  find(template: string): Getter | undefined {
    return this.#getters.get(template);
  }

  /** The place to which the `$ref` of a getter's schema leads; undefined without a `$ref`. */
  refOf(template: string): string | undefined {
    return this.#getters.get(template)?.reply.content?.schema.ref;
  }

  /** The example of a reply, or a value made from its schema; null for a reply without a body. */
  sampleFor(reply: Reply): JsonValue {
    let sample = this.#samples.get(reply);
    if (sample === undefined && reply.content !== undefined) {
      sample = reply.content.example ?? sampleOf(reply.content.schema);
      this.#samples.set(reply, sample);
    }
    return sample ?? null;
  }

  /** The first value of a path that can be read. A list whose members the document names has one member for each name. */
  firstValue(template: string): JsonValue {
    const reply = this.#getters.get(template)?.reply;
    const sample = reply === undefined ? null : this.sampleFor(reply);
    const names = this.#namesOfMembers(template);
    const members = names === undefined ? undefined : listIn(sample, template);
    const [first] = members?.items ?? [];
    if (names === undefined || members === undefined || members.items.length > 1 || !isObject(first))
      return sample;
    const key = identityOf(first, names.variable);
    if (key === undefined) return sample;
    return members.with(names.values.map((name) => ({ ...first, [key]: idLike(first[key], name) })));
  }

  /** The names that the path variable below a list may have, where the document enumerates them. */
  #namesOfMembers(template: string): { variable: string; values: string[] } | undefined {
    const below = this.#routes.find((route) => {
      const rest = route.template.startsWith(`${template}/`) ? route.template.slice(template.length + 1) : '';
      return /^\{[^{}]*\}(?:\/|$)/.test(rest);
    });
    const braces =
      below === undefined ? undefined : /^\{([^{}]*)\}/.exec(below.template.slice(template.length + 1));
    const variable = pathVariable(braces?.[1] ?? '');
    const parameter = below?.shape.parameters.find((one) => one.in === 'path' && one.name === variable);
    if (parameter === undefined) return undefined;
    const { value } = viewOf(this.#document, parameter.node['schema'] ?? parameter.node, parameter.home);
    const values = isObject(value) ? listAt(value, 'enum').filter((one) => typeof one === 'string') : [];
    return values.length === 0 ? undefined : { variable, values };
  }
}
