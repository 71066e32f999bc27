import { AppError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../common/json.ts';
import { sampleOf } from '../../openspec/schema/sample.ts';
import type { SchemaView } from '../../openspec/schema/schema-view.ts';
import type { Mount, Route, RouteSchema } from '../../server/mount.ts';

/** All HTTP calls of some mounts as an OpenAPI document, from the tables that serve them [OpenAPI 3.1.1]. */
export function describeRoutes(mounts: readonly Mount[], version: string): JsonObject {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const mount of mounts)
    for (const route of mount.routes) {
      const path = templateOf(route.path);
      (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(mount, route);
    }
  return {
    openapi: '3.1.1',
    info: {
      title: 'LiteAgent Server',
      version,
      description: 'People talk to their devices, and the devices do exactly what was meant, once.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: mounts.map(({ name }) => ({ name, ...(groups[name] && { description: groups[name] }) })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An access token, or a key of a user (sk-…).',
        },
      },
    },
  } as unknown as JsonObject;
}

/** For whom each group of calls is; the pages of the manual say more. */
const groups: Readonly<Record<string, string>> = {
  liteagent: 'For a new program: open a session, talk, see every step ([more](/docs/api-liteagent))',
  devices: 'Registered devices, approvals, emergency stop, audit log ([more](/docs/api-devices))',
  openai: 'For programs with an OpenAI client, and the sign-in ([more](/docs/api-openai))',
  mcp: 'For hosts of the Model Context Protocol ([more](/docs/api-mcp))',
  llmops: 'For a page where users build and publish an agent ([more](/docs/api-llmops))',
  chat: 'For a chat page whose users bring models of their own ([more](/docs/api-chat))',
  aideer: 'For clients of AIDeer: scenes, chats, credits ([more](/docs/api-aideer))',
  objects: 'Pictures and files at signed URLs',
  console: 'The page at `/`, and the calls that only people need',
  docs: 'The manual, and these descriptions',
  metrics: 'Numbers of this node for Prometheus ([more](/docs/running))',
};

/** `/v1/threads/:thread` → `/v1/threads/{thread}`. */
function templateOf(path: string): string {
  return path.replaceAll(/[:*](\w+)/g, '{$1}');
}

/** The header of the requests that can start work (server/repeats.ts). */
const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'The same key with the same request gets the first answer again, and the work is not started twice. It is kept for 24 hours.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

/** One call of a mount. The parameters of its path are texts. */
function operationOf(mount: Mount, route: Route): object {
  const parameters = [
    ...[...route.path.matchAll(/[:*](\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...queryOf(route.query),
    ...(route.keepsAnswer ? [idempotencyKey] : []),
  ];
  const body = bodyOf(route);
  return {
    // `GET /api/history` → `GET_api_history`
    operationId: `${route.method} ${route.path}`.replaceAll(/\W+/g, '_').replace(/_$/, ''),
    summary: route.summary,
    tags: [mount.name],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: body }),
    responses: { [route.status ?? 200]: answerOf(route), default: failureOf(mount) },
    security: securityOf(mount, route),
    // The row of the table "Who may do what" (lib/docs/permissions.md).
    ...(route.access !== 'open' && { 'x-permission': route.access }),
  };
}

/** A field of the query is a parameter of its own [OpenAPI 3.1.1, Parameter Object]. */
function queryOf(query: RouteSchema | undefined): object[] {
  if (!query) return [];
  const required = (query.required ?? []) as readonly string[];
  return Object.entries(query.properties as Record<string, object>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

/** The body of a request. It may be missing where the route is lenient and no field is required: it is empty then. */
function bodyOf({ body, bodyLenient, form }: Route): object | undefined {
  if (body) {
    const required = !bodyLenient || ((body.required as unknown[] | undefined)?.length ?? 0) > 0;
    return { required, content: { 'application/json': { schema: body } } };
  }
  return form && { required: true, content: formContent(form) };
}

/** A form as it is sent, with an example of its texts. */
function formContent(form: NonNullable<Route['form']>): object {
  const fields = Object.entries(form);
  const properties = Object.fromEntries(
    fields.map(([name, field]) => [
      name,
      field === 'file'
        ? { type: 'string', contentMediaType: 'application/octet-stream' }
        : { type: 'string' },
    ]),
  );
  const example = Object.fromEntries(
    fields.flatMap(([name, field]) => (typeof field === 'string' ? [] : [[name, field.example]])),
  );
  const type = fields.some(([, field]) => field === 'file')
    ? 'multipart/form-data'
    : 'application/x-www-form-urlencoded';
  return { [type]: { schema: { type: 'object', properties }, example } };
}

/** The answer of a success, with an example that is made from its schema. */
function answerOf({ answer, status = 200 }: Route): object {
  if (status === 204) return { description: 'Done.' };
  return answer
    ? {
        description: 'The answer.',
        content: { 'application/json': { schema: answer, example: sampleOf(viewIn(answer as JsonObject)) } },
      }
    : { description: 'The answer. It is not JSON, or has the shape of the dialect.' };
}

/** A view of a schema without `$ref`s. */
function viewIn(value: JsonValue | undefined): SchemaView {
  return { value, ref: undefined, nullable: false, at: viewIn };
}

/** The shape of the dialect's errors, with an example. */
function failureOf(mount: Mount): object {
  const { contentType, body } = mount.formatError(new AppError('invalid_request', 'What was wrong.'), '');
  return {
    description: 'The error, and its place.',
    content: { [contentType]: { schema: { type: 'object' }, example: JSON.parse(body) as unknown } },
  };
}

/** The credentials of a call; `{}` says that it needs none [OpenAPI 3.1.1, Security Requirement Object]. */
function securityOf({ anonymous }: Mount, { access }: Route): object[] {
  if (access === 'open') return [];
  return anonymous ? [{}, { bearer: [] }] : [{ bearer: [] }];
}
