const text = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const askedByName = { type: 'string', description: 'the name of the user with this id' } as const;
const values = { type: 'object', additionalProperties: {} } as const;

/** Rules as data, beside their words: for pages in other languages. */
export const rulesAsData = {
  type: 'array',
  description:
    'the same rules as data: of (server, device or session), list (calls or limits), number (from 1) and rule',
  items: {
    type: 'object',
    required: ['of', 'list', 'number', 'rule'],
    properties: {
      of: { enum: ['server', 'device', 'session'] },
      list: { enum: ['calls', 'limits'] },
      number: { type: 'integer' },
      rule: values,
    },
  },
} as const;

/**
 * A call that waits for a decision. `approvers` says who may decide: the person who asked (`owner`), another one who may use the device
 * (`other`), or an admin. `rules` and `request` are missing in questions of earlier versions.
 */
export const openApprovalShape = {
  type: 'object',
  required: [
    'id',
    'session',
    'task',
    'callId',
    'device',
    'name',
    'parameters',
    'risk',
    'rule',
    'approvers',
    'expiresAt',
  ],
  properties: {
    id: text,
    session: text,
    task: text,
    /** The id that the model gave the call. */
    callId: text,
    device: text,
    name: text,
    /** The checked arguments. The decision is bound to them (contract 6, section 3). */
    parameters: values,
    risk: { enum: ['low', 'normal', 'high'] },
    rule: text,
    rules: rulesAsData,
    approvers: { enum: ['owner', 'other', 'admin'] },
    /** The person who asked may not decide, even as an admin. */
    needsAnother: { type: 'boolean' },
    /** The id of the principal who asked. */
    askedBy: text,
    askedByName,
    expiresAt: text,
    request: {
      ...values,
      description:
        'the request that an approval lets go, without secrets: method, URL and body, or a frame in hex',
    },
  },
} as const;

/** A decision about a call. */
export const decisionShape = {
  type: 'object',
  required: ['id', 'decision', 'by', 'reason'],
  properties: { id: text, decision: { enum: ['approve', 'reject'] }, by: text, reason: textOrNull },
} as const;

/** The scope of an emergency stop: everything, a device or a session. */
export const scopeShape = {
  description: '"all", {"device":"<name>"} or {"session":"<id>"}',
  anyOf: [
    { const: 'all' },
    {
      type: 'object',
      properties: { device: text, session: text },
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: false,
    },
  ],
} as const;

/** A stop on the wire; `by` is the name of a user, or the id of another principal. */
const stopFields = { scope: scopeShape, by: text, at: text, reason: textOrNull } as const;

/** The emergency stops that are engaged. */
export const estopShape = {
  engaged: { type: 'boolean' },
  stops: {
    type: 'array',
    items: { type: 'object', required: ['scope', 'by', 'at', 'reason'], properties: stopFields },
  },
} as const;

/** An emergency stop that was engaged by this request. */
export const engagedShape = {
  type: 'object',
  required: ['engaged', 'scope', 'by', 'at', 'reason', 'nodesBehind'],
  properties: {
    engaged: { type: 'boolean' },
    ...stopFields,
    /** A node that is silent for a lease is not counted: it may send nothing any more. */
    nodesBehind: { type: 'integer', description: 'nodes that have not confirmed in time; 0 when all have' },
  },
} as const;

/** A row of the audit log. A row is never changed: the outcome of a call that was sent is a later row, and is shown with its call. */
export const auditRowShape = {
  type: 'object',
  required: [
    'device',
    'n',
    'at',
    'event',
    'tool',
    'arguments',
    'session',
    'task',
    'askedBy',
    'outcome',
    'hash',
  ],
  properties: {
    device: text,
    /** Its number in the chain of its device. */
    n: { type: 'integer' },
    at: text,
    /** What became of the call: `sent`, `denied`, `dry_run`… (devices/call-record.ts). */
    event: text,
    /** The version of a registered device; null for the device of a session's own document. */
    version: { type: ['integer', 'null'] },
    tool: text,
    operation: text,
    arguments: values,
    session: text,
    task: text,
    call: text,
    askedBy: text,
    askedByName,
    approvedBy: textOrNull,
    rule: textOrNull,
    /** `done`, `none` or `unknown`; null: it is not known yet, or nothing was sent. */
    outcome: textOrNull,
    /** Of the row and of the hash before it, in hexadecimal (contract 6, section 6). */
    hash: text,
  },
} as const;
