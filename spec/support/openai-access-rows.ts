import { fileForm, owner, usersWith, users, type AccessRow } from './access-row.ts';

const thread = (more: string, body?: () => unknown): AccessRow =>
  owner(403, async (things) => ({
    path: `/v1/threads/${await things.thread()}${more}`,
    ...(body && { body }),
  }));
const completion = (more: string, body?: () => unknown): AccessRow =>
  owner(404, async (things) => ({
    path: `/v1/chat/completions/${await things.completion()}${more}`,
    ...(body && { body }),
  }));
const hello = { role: 'user', content: 'hi' };
const ofConversation = (more: string, body?: () => unknown): AccessRow =>
  owner(403, async (things) => {
    const thread = await things.thread();
    return { path: `/v1/conversations/${thread.replace('thread', 'conv')}${more}`, ...(body && { body }) };
  });
const item = (): AccessRow =>
  owner(403, async (things) => {
    const [of, id] = await things.message();
    return { path: `/v1/conversations/${of.replace('thread', 'conv')}/items/${id}` };
  });
const response = (more: string, body?: () => unknown): AccessRow =>
  owner(403, async (things) => ({
    path: `/v1/responses/${await things.response()}${more}`,
    ...(body && { body }),
  }));
const message = (body?: () => unknown): AccessRow =>
  owner(403, async (things) => {
    const [of, id] = await things.message();
    return { path: `/v1/threads/${of}/messages/${id}`, ...(body && { body }) };
  });
const upload = (more: string, body?: () => unknown): AccessRow =>
  owner(403, async (things) => ({
    path: `/v1/uploads/${await things.upload()}/${more}`,
    ...(body && { body }),
  }));
const file = (more: string): AccessRow =>
  owner(403, async (things) => ({ path: `/v1/files/${await things.file()}${more}` }));
const newRun = { assistant_id: 'default' };
const run = (more: string, body?: () => unknown): AccessRow =>
  owner(403, async (things) => {
    const [of, id] = await things.run();
    return { path: `/v1/threads/${of}/runs/${id}${more}`, ...(body && { body }) };
  });
const assistant = owner(403, async (things) => ({ path: `/v1/assistants/${await things.app()}` }));

/** Who may make the calls under `/v1`. */
export const openaiAccessRows: Record<string, AccessRow> = {
  'POST /v1/threads': users,
  'GET /v1/threads/{thread}': thread(''),
  'POST /v1/threads/{thread}': thread('', () => ({ metadata: {} })),
  'DELETE /v1/threads/{thread}': thread(''),
  'POST /v1/threads/{thread}/messages': thread('/messages', () => ({ role: 'user', content: 'hi' })),
  'GET /v1/threads/{thread}/messages': thread('/messages'),
  'GET /v1/threads/{thread}/messages/{message}': message(),
  'POST /v1/threads/{thread}/messages/{message}': message(() => ({ metadata: {} })),
  'DELETE /v1/threads/{thread}/messages/{message}': message(),
  'POST /v1/chat/completions': usersWith('/v1/chat/completions', () => ({
    messages: [{ role: 'user', content: 'hi' }],
  })),
  'GET /v1/assistants': users,
  'GET /v1/assistants/{assistant}': assistant,
  'POST /v1/threads/runs': usersWith('/v1/threads/runs', () => newRun),
  'POST /v1/threads/{thread}/runs': thread('/runs', () => newRun),
  'GET /v1/threads/{thread}/runs': thread('/runs'),
  'GET /v1/threads/{thread}/runs/{run}': run(''),
  'POST /v1/threads/{thread}/runs/{run}': run('', () => ({ metadata: {} })),
  'POST /v1/threads/{thread}/runs/{run}/cancel': run('/cancel', () => ({})),
  'POST /v1/threads/{thread}/runs/{run}/submit_tool_outputs': run('/submit_tool_outputs', () => ({
    tool_outputs: [],
  })),
  'GET /v1/threads/{thread}/runs/{run}/steps': run('/steps'),
  'GET /v1/threads/{thread}/runs/{run}/steps/{step}': run('/steps/step_1'),
  'POST /v1/conversations': users,
  'GET /v1/conversations/{conversation}': ofConversation(''),
  'POST /v1/conversations/{conversation}': ofConversation('', () => ({ metadata: {} })),
  'DELETE /v1/conversations/{conversation}': ofConversation(''),
  'GET /v1/conversations/{conversation}/items': ofConversation('/items'),
  'POST /v1/conversations/{conversation}/items': ofConversation('/items', () => ({ items: [hello] })),
  'GET /v1/conversations/{conversation}/items/{item}': item(),
  'DELETE /v1/conversations/{conversation}/items/{item}': item(),
  'POST /v1/responses': usersWith('/v1/responses', () => ({ input: 'hi' })),
  'GET /v1/responses/{response}': response(''),
  'DELETE /v1/responses/{response}': response(''),
  'POST /v1/responses/{response}/cancel': response('/cancel', () => ({})),
  'GET /v1/responses/{response}/input_items': response('/input_items'),
  'GET /v1/chat/completions': users,
  'GET /v1/chat/completions/{completion}': completion(''),
  'POST /v1/chat/completions/{completion}': completion('', () => ({ metadata: {} })),
  'DELETE /v1/chat/completions/{completion}': completion(''),
  'GET /v1/chat/completions/{completion}/messages': completion('/messages'),
  'GET /v1/models': users,
  'GET /v1/models/{model}': usersWith('/v1/models/demo', () => undefined),
  'POST /v1/uploads': users,
  'POST /v1/uploads/{upload}/parts': upload('parts', () => {
    const form = new FormData();
    form.append('data', '');
    return form;
  }),
  'POST /v1/uploads/{upload}/complete': upload('complete', () => ({ part_ids: [] })),
  'POST /v1/uploads/{upload}/cancel': upload('cancel'),
  'POST /v1/files': usersWith('/v1/files', fileForm),
  'GET /v1/files': users,
  'POST /v1/files/{file}': usersWith('/v1/files/txt', fileForm),
  'GET /v1/files/{file}': file(''),
  'DELETE /v1/files/{file}': file(''),
  'GET /v1/files/{file}/content': file('/content'),
  'GET /v1/memory/config': users,
  'POST /v1/memory/config': usersWith('/v1/memory/config', () => ({ a: 1 })),
  'DELETE /v1/memory/config': users,
  'GET /v1/memory/todo': users,
  'POST /v1/memory/todo': usersWith('/v1/memory/todo', () => ({ task: 'a' })),
  'DELETE /v1/memory/todo': users,
};
