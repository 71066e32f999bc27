import type { XStatic } from 'typebox/schema';
import type { JsonObject } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import { keptConfigOf, type DeviceUse, type SessionConfig } from '../../core/session-config.ts';
import type { Config } from '../../config.ts';
import { checkDocuments } from '../documents.ts';
import { dryRunField } from '../dry-run-field.ts';
import { checkSpeaking } from '../speaking.ts';

/** A text that must not be empty. null is taken as missing, everywhere (contract 1). */
const text = { type: 'string', minLength: 1 } as const;
const texts = { type: 'array', items: { type: 'string' } } as const;
/** Which operations of a document become tools: by tag, method, or path with `*`. */
const selection = { type: 'object', properties: { tags: texts, methods: texts, paths: texts } } as const;
/** How tasks, or the calls of one reply, share time. For hardware one after the other is the safer default. */
const strategy = { enum: ['parallel', 'serial', 'reject'] } as const;

/** The secret for one security scheme of a document, by the scheme's name. It goes to the device and nowhere else. */
const credential = {
  description: 'a text, {username, password} or {clientId, clientSecret}',
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      required: ['username', 'password'],
      properties: { username: { type: 'string' }, password: { type: 'string' } },
    },
    {
      type: 'object',
      required: ['clientId', 'clientSecret'],
      properties: { clientId: { type: 'string' }, clientSecret: { type: 'string' } },
    },
  ],
} as const;

/** One document with its device: address and keys beside it, because the same document serves many devices. */
const openSpecEntry = {
  type: 'object',
  // The devices of some protocols say their document themselves.
  if: { required: ['protocol'], properties: { protocol: { const: 'mcp' } } },
  else: { required: ['openSpec'] },
  properties: {
    openSpec: { type: ['string', 'object'], minLength: 1 },
    /** For documents whose device takes one key. A `basic` key with a ":" is encoded in base64 before it is sent (contract 1). */
    apiKey: {
      type: 'object',
      required: ['type', 'apiKey'],
      properties: { type: { enum: ['basic', 'bearer'] }, apiKey: { type: 'string' } },
    },
    /** Found in the document when missing; another kind than the document's is a fault. */
    protocol: { enum: ['openapi', 'openmodbus', 'jsonrpcHttp', 'openrpc', 'mcp'] },
    /** The base URL in the place of the document's. */
    server: text,
    // They are read so that they can be refused with words, and not left out without any.
    command: { description: 'refused: only the operator starts programs' },
    env: { description: 'refused: only the operator starts programs' },
    /** How the parameters of a JSON-RPC call are sent [OpenRPC, Method Object]. */
    paramStructure: { enum: ['by-name', 'by-position'] },
    /** Only these operations become tools, and not those of `exclude`. */
    include: selection,
    exclude: selection,
    credentials: { type: 'object', additionalProperties: credential },
    credentialOrigins: {
      description:
        'origins that the credentials may go to, beside that of `server`, else of the URL of the document, else of its root server',
      type: 'array',
      items: { type: 'string', pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\s]+/?$' },
    },
  },
} as const;

/** A device that the server knows, by its name or with a choice of its operations. */
const deviceUse = {
  description: 'the name of a device, or an object {name, include?, exclude?}',
  anyOf: [
    text,
    {
      type: 'object',
      required: ['name'],
      additionalProperties: false,
      properties: { name: text, include: selection, exclude: selection },
    },
  ],
} as const;

/** The body of `POST /api/init` (contract 1). */
export const initSchema = {
  type: 'object',
  examples: [{ systemPrompt: 'You look after the lights.', devices: [], timeoutSeconds: 600 }],
  properties: {
    /** Missing fields come from the settings. The key of the settings goes to the base URL of the settings only (contract 1). */
    llmConfig: {
      type: 'object',
      properties: {
        baseUrl: {
          type: 'string',
          pattern: '^[Hh][Tt][Tt][Pp][Ss]?://.',
          description: 'an http or https URL',
        },
        apiKey: { type: 'string' },
        model: text,
        temperature: { type: 'number', minimum: 0, maximum: 2 },
        maxTokens: { type: 'integer', minimum: 1 },
        topP: { type: 'number', minimum: 0, maximum: 1 },
      },
    },
    systemPrompt: { type: 'string' },
    openSpecList: { type: 'array', items: openSpecEntry },
    /** Devices that the server knows (contract 6). A session uses the version that is current when a task begins. */
    devices: { type: 'array', maxItems: 1000, items: deviceUse },
    rules: {
      type: 'object',
      description: 'rules of the session: they can only make those of the devices and the server stricter',
    },
    dryRun: dryRunField,
    /** Other sessions of the caller, which become tools. */
    sessionList: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id'],
        properties: { id: text, name: text, description: { type: 'string' } },
      },
    },
    /** `serial` when missing. */
    taskPipelineStrategy: strategy,
    /** `parallel` when missing: calls to one device keep their order. */
    toolPipelineStrategy: strategy,
    /** Whether thinking text comes as `reasoning` frames. */
    reasoning: { type: 'boolean' },
    /** Whether the owner's memory (contract 2) is offered as tools. */
    memoryTools: { type: 'boolean' },
    /** How long the session may be idle: its clock starts anew with every task and message. */
    timeoutSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 1e9 },
  },
} as const;

/** A valid body of `POST /api/init`. */
export type InitBody = XStatic<typeof initSchema>;

/** Throws `forbidden` unless the caller may open such a session: documents and other sessions are tools that can move devices. */
export function checkAdmission(
  caller: Principal,
  config: SessionConfig,
  documents: Config['documents'],
): void {
  checkDocuments(caller, config.documents, documents);
  checkSpeaking(caller, keptConfigOf(config));
}

/** Devices as a session uses them; a name alone stands for all operations. */
export function toDeviceUses(uses: readonly unknown[]): DeviceUse[] {
  return uses.map((use) => (typeof use === 'string' ? { name: use } : (use as DeviceUse)));
}

/** The session that a valid body asks for, with the contract's defaults. `idleMs` counts when it has no `timeoutSeconds`. */
export function toSessionConfig(body: InitBody, idleMs: number): SessionConfig {
  return {
    // The defaults of the contract, for each field that is missing.
    model: { temperature: 0, maxTokens: 4096, topP: 1, ...body.llmConfig },
    systemPrompt: body.systemPrompt ?? '',
    documents: (body.openSpecList ?? []) as JsonObject[],
    ...(body.devices && { devices: toDeviceUses(body.devices) }),
    ...(body.rules && { rules: body.rules as JsonObject }),
    ...(body.dryRun && { dryRun: true }),
    children: (body.sessionList ?? []).map(({ id, name, description }) => ({
      id,
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
    })),
    taskStrategy: body.taskPipelineStrategy ?? 'serial',
    toolStrategy: body.toolPipelineStrategy ?? 'parallel',
    ...(body.reasoning !== undefined && { reasoning: body.reasoning }),
    memoryTools: body.memoryTools ?? false,
    timeoutSeconds: body.timeoutSeconds ?? idleMs / 1000,
  };
}
