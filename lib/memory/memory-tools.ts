import { mapBigints } from '../common/exact-numbers.ts';
import type { JsonObject } from '../common/json.ts';
import type { ToolResult } from '../core/message.ts';
import { failed, type JsonSchema, type Tool } from '../core/tool.ts';
import { AppError } from '../errors.ts';
import type { Memory, MemoryDocument } from './memory.ts';

const nothing: JsonSchema = { type: 'object', properties: {}, additionalProperties: false };
/** A subtask has its own names for fields, as the contract of the memory has them. */
const subtask: JsonSchema = {
  type: 'object',
  properties: {
    subtaskname: { type: 'string' },
    sequence: { type: ['integer', 'string'] },
    completed: { type: 'boolean' },
    reminder: { type: 'string' },
  },
  required: ['subtaskname'],
};
/** The fields of an item that a model may set. Items of clients may have others, which stay. */
const fields: JsonObject = {
  task: { type: 'string', description: 'What is to be done.' },
  trigger: { type: 'string', description: 'When, or upon what.' },
  completed: { type: 'boolean' },
  subtasks: { type: 'array', items: subtask },
};
const id = { type: 'string', description: 'The id of the item, as memory_todo_list tells it.' };

/** The memory as tools for an agent; a call works on the documents of the session's owner, and on nobody else's. */
export function memoryTools(memory: Memory): Tool[] {
  return [
    tool(
      'memory_config_read',
      'Reads what is known of the user: name, preferences, anything kept.',
      nothing,
      'read',
      (owner) => memory.config(owner),
    ),
    tool(
      'memory_config_update',
      'Keeps something about the user: a JSON merge patch of what memory_config_read gives. null takes a member away.',
      {
        type: 'object',
        properties: { patch: { type: 'object', description: 'The members to be set or taken away.' } },
        required: ['patch'],
        additionalProperties: false,
      },
      'write',
      (owner, args) => memory.patchConfig(owner, args['patch'] as JsonObject),
    ),
    tool(
      'memory_todo_list',
      "Lists the user's itinerary: what is to be done, when, and what is done.",
      nothing,
      'read',
      (owner) => memory.todo(owner),
    ),
    tool(
      'memory_todo_add',
      "Adds an item to the user's itinerary.",
      { type: 'object', properties: fields, required: ['task'], additionalProperties: false },
      'write',
      (owner, args) => memory.putTodo(owner, args),
    ),
    tool(
      'memory_todo_update',
      "Changes an item of the user's itinerary; what is not named stays.",
      { type: 'object', properties: { id, ...fields }, required: ['id'], additionalProperties: false },
      'write',
      async (owner, args) => {
        const wanted = args['id'] as string;
        // `putTodo` appends an item that is not there. A model that got an id wrong must hear of it.
        const known = await memory.todo(owner);
        if (!known.data.some((item) => String(item.id) === wanted))
          throw new AppError('not_found', `There is no item "${wanted}".`);
        return memory.putTodo(owner, args);
      },
    ),
    tool(
      'memory_todo_remove',
      "Takes an item off the user's itinerary.",
      { type: 'object', properties: { id }, required: ['id'], additionalProperties: false },
      'write',
      (owner, args) => memory.removeTodo(owner, args['id'] as string),
    ),
  ];
}

/** A tool over one call of the memory. */
function tool(
  name: string,
  description: string,
  parameters: JsonSchema,
  effect: 'read' | 'write',
  run: (owner: string, args: JsonObject) => Promise<MemoryDocument<JsonObject | JsonObject[]>>,
): Tool {
  return {
    name,
    description,
    parameters,
    operation: name,
    effect,
    async call(args, { connection: { owner } }): Promise<ToolResult> {
      if (owner === undefined)
        return failed('no_owner', 'There is nobody whose memory this would be.', 'none');
      try {
        const { data, version } = await run(owner, args);
        return { data: mapBigints(data, String), version }; // the log of a session holds numbers only
      } catch (error) {
        if (error instanceof AppError) return failed(error.code, error.message, 'none');
        throw error;
      }
    },
  };
}
