import type { JsonObject } from '../common/json.ts';
import type { DocumentEntry } from '../openspec/openspecs.ts';

/** A call of `safeState`. */
export interface SafeCall {
  /** The name of a tool of the document. */
  tool: string;
  arguments: JsonObject;
}

/** A device as an administrator describes it: a document with its address, its keys and its rules. */
export interface DeviceDefinition extends DocumentEntry {
  /** Unique among the devices of the server. Its shape is `deviceNameSchema`. */
  name: string;
  /** The title of the document when missing. */
  title?: string;
  /** In the shape of `rulesSchema`. `parseRules` also finds keys that do not go together. */
  rules?: JsonObject;
  /** The calls that an emergency stop sends once, in this order. */
  safeState?: SafeCall[];
  tags?: string[];
  /** The users who may use the device: user names, ids, `role:<role>` or `*`; everybody when missing. */
  users?: string[];
  /** True when missing. */
  enabled?: boolean;
}

/** A text that is not empty. Each `description` below says what a value must be: `schemaFaults` puts it into its sentences. */
const text = (description: string): object => ({
  type: 'string',
  minLength: 1,
  maxLength: 4096,
  description,
});
const texts = (description: string, item: string): object => ({
  type: 'array',
  maxItems: 10_000,
  description,
  items: text(item),
});
const object = (description: string, properties: object, required: string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  description,
  properties,
  required,
});
const selection = object('an object with tags, methods and paths', {
  tags: texts('a list of tags', 'a tag'),
  methods: texts('a list of HTTP methods', 'an HTTP method'),
  paths: texts('a list of paths', 'a path'),
});
const credential = {
  description: 'a text, {username, password} or {clientId, clientSecret}',
  anyOf: [
    { type: 'string' },
    // The parts have no words: people read the description of the whole where no part fits (schema-faults.ts).
    object('', { username: { type: 'string' }, password: { type: 'string' } }, ['username', 'password']),
    object('', { clientId: { type: 'string' }, clientSecret: { type: 'string' } }, [
      'clientId',
      'clientSecret',
    ]),
  ],
};

/** The shape of a device's name. */
export const deviceNameSchema = {
  type: 'string',
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'a name of 1 to 63 lower-case letters, digits and -, which does not begin with -',
} as const;

/** Every field of a definition, so that none can be forgotten here. Its words also are the help of the API (`deviceFields`). */
const properties: Readonly<Record<keyof DeviceDefinition, object>> = {
  name: deviceNameSchema,
  title: { type: 'string', maxLength: 200, description: 'a text of at most 200 characters' },
  openSpec: {
    type: ['string', 'object'],
    minLength: 1,
    description:
      'a document: a JSON object, its text (JSON or YAML), or the URL of an endpoint that describes itself',
  },
  protocol: text('the protocol of the document, such as openapi'),
  server: text('the address of the device'),
  command: {
    type: 'array',
    minItems: 1,
    maxItems: 100,
    description: 'a list of texts: a program that is the device, and its arguments',
    items: text('a text'),
  },
  env: {
    type: 'object',
    additionalProperties: { type: 'string', description: 'a text' },
    description: 'an object of texts: variables for the program',
  },
  apiKey: object(
    'an object {type, apiKey}',
    {
      type: { enum: ['basic', 'bearer'], description: 'basic or bearer' },
      apiKey: { type: 'string', description: 'a text' },
    },
    ['type', 'apiKey'],
  ),
  credentials: {
    type: 'object',
    additionalProperties: credential,
    description: 'an object of credentials by scheme',
  },
  credentialOrigins: {
    type: 'array',
    description: 'a list of origins',
    items: {
      type: 'string',
      pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\s]+/?$',
      description: 'an origin such as https://login.example',
    },
  },
  paramStructure: { enum: ['by-name', 'by-position'], description: 'by-name or by-position' },
  include: selection,
  exclude: selection,
  within: { not: {}, description: 'left out: it is for sessions' },
  source: text('the URL of the document'),
  // `parseRules` says their faults.
  rules: { description: 'the rules of the device' },
  safeState: {
    type: 'array',
    maxItems: 100,
    description: 'a list of calls {tool, arguments}',
    items: object(
      'a call {tool, arguments}',
      { tool: text('the name of a tool'), arguments: { type: 'object', description: 'an object' } },
      ['tool'],
    ),
  },
  tags: {
    type: 'array',
    maxItems: 100,
    description: 'a list of tags',
    items: { ...text('a tag'), maxLength: 100 },
  },
  users: texts('a list of user names, role:<role> or *', 'a user name, role:<role> or *'),
  enabled: { type: 'boolean', description: 'true or false' },
  registered: { not: {}, description: 'left out' },
  owner: { not: {}, description: 'left out' },
};
// Fields of the type that nobody may give: for the schema they are unknown keys.
const { within: _within, registered: _registered, owner: _owner, ...known } = properties;

/** The shape of a device; `schemaFaults` says its faults in words. */
export const deviceSchema = {
  ...object('an object', known, ['name']),
  // The devices of some protocols say their document themselves.
  if: { required: ['protocol'], properties: { protocol: { const: 'mcp' } } },
  else: { properties: { openSpec: properties.openSpec }, required: ['openSpec'] },
};

/** The fields of a device, each with its meaning in words. */
export const deviceFields: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(known).map(([name, { description }]: [string, { description?: string }]) => [
    name,
    description ?? '',
  ]),
);
