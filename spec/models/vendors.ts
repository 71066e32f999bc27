// Replies as the vendors' documentation shows them: each decides on one call, and each vendor wants something of it back.
import type { JsonObject, JsonValue } from '../../lib/common/json.ts';

/** A reply of one vendor, whole and in chunks, and the assistant message that the vendor expects in the next request. */
export interface VendorReply {
  vendor: string;
  /** The page or thread that describes the shape. */
  source: string;
  message: JsonObject;
  deltas: JsonObject[];
  /** The thinking text and the answer. */
  reasoning: string;
  text: string;
  /** The message that is sent back. The standard form of the call is added by the spec. */
  back: JsonObject;
  /** The fields that are sent back inside the call. */
  callBack?: JsonObject;
}

const fn = { name: 'get_status', arguments: '{"room":"bath"}' };
/** The call in the form of OpenAI. */
export const call = (id: string, more: JsonObject = {}): JsonObject => ({
  ...more,
  id,
  type: 'function',
  function: fn,
});

const half = [fn.arguments.slice(0, 7), fn.arguments.slice(7)];
/** The call in three pieces: name first, then the arguments. */
const pieces = (id: string, more: JsonObject = {}): JsonObject[] => [
  { tool_calls: [{ ...more, index: 0, id, type: 'function', function: { name: fn.name, arguments: '' } }] },
  ...half.map((args) => ({ tool_calls: [{ index: 0, function: { arguments: args } }] })),
];
/** The call whole in one chunk. */
const wholePiece = (id: string, more: JsonObject = {}): JsonObject => ({
  tool_calls: [{ ...more, index: 0, id, type: 'function', function: fn }],
});
const list = (...parts: JsonValue[]): JsonValue[] => parts;
const signature = 'CrICAdHtim827fQ==';
const signed = { extra_content: { google: { thought_signature: signature } } };

export const vendorReplies: VendorReply[] = [
  {
    vendor: 'DeepSeek',
    source: 'https://api-docs.deepseek.com/guides/thinking_mode#tool-calls',
    message: {
      role: 'assistant',
      content: '',
      reasoning_content: 'The bath first.',
      tool_calls: [call('c1')],
    },
    deltas: [
      { role: 'assistant', content: null, reasoning_content: '' },
      { content: null, reasoning_content: 'The bath ' },
      { content: null, reasoning_content: 'first.' },
      { content: '', reasoning_content: null },
      ...pieces('c1'),
    ],
    reasoning: 'The bath first.',
    text: '',
    back: { content: null, reasoning_content: 'The bath first.' },
  },
  {
    vendor: 'Gemini',
    source: 'https://ai.google.dev/gemini-api/docs/thought-signatures, "OpenAI compatibility"',
    message: { role: 'assistant', content: null, tool_calls: [call('c1', signed)] },
    deltas: [{ role: 'assistant', ...wholePiece('c1', signed) }],
    reasoning: '',
    text: '',
    back: { content: null },
    callBack: signed,
  },
  {
    vendor: 'Gemini with thoughts',
    source: 'https://ai.google.dev/gemini-api/docs/openai, "Thinking", include_thoughts',
    message: {
      role: 'assistant',
      content: '<thought>The bath first.</thought>I look.',
      ...signed,
      tool_calls: [call('c1', signed)],
    },
    deltas: [
      { role: 'assistant', content: '<thought>The bath', extra_content: { google: { thought: true } } },
      { content: ' first.', extra_content: { google: { thought: true } } },
      { content: '</thought>I look.' },
      { content: '', ...signed },
      wholePiece('c1', signed),
    ],
    reasoning: 'The bath first.',
    text: 'I look.',
    back: { content: '<thought>The bath first.</thought>I look.', ...signed },
    callBack: signed,
  },
  {
    vendor: 'Mistral',
    source:
      'https://docs.mistral.ai/capabilities/reasoning: thinking parts in the content, kept for later turns',
    message: {
      role: 'assistant',
      content: list(
        { type: 'thinking', thinking: [{ type: 'text', text: 'The bath first.' }], closed: true },
        { type: 'text', text: 'I look.' },
      ),
      tool_calls: [call('c1')],
    },
    deltas: [
      { role: 'assistant', content: '' },
      { content: list({ type: 'thinking', thinking: [{ type: 'text', text: 'The bath ' }] }) },
      { content: list({ type: 'thinking', thinking: [{ type: 'text', text: 'first.' }], closed: true }) },
      { content: 'I ' },
      { content: 'look.' },
      wholePiece('c1'),
    ],
    reasoning: 'The bath first.',
    text: 'I look.',
    back: {
      content: list(
        { type: 'thinking', thinking: [{ type: 'text', text: 'The bath first.' }], closed: true },
        { type: 'text', text: 'I look.' },
      ),
    },
  },
  {
    vendor: 'Qwen (DashScope)',
    source:
      'https://help.aliyun.com/zh/model-studio/deep-thinking: reasoning_content; empty name and id in later pieces',
    message: {
      role: 'assistant',
      content: '',
      reasoning_content: 'The bath first.',
      tool_calls: [call('c1')],
    },
    deltas: [
      { role: 'assistant', content: null, reasoning_content: 'The bath ' },
      { content: null, reasoning_content: 'first.' },
      {
        tool_calls: [
          { index: 0, id: 'c1', type: 'function', function: { name: fn.name, arguments: half[0]! } },
        ],
      },
      { tool_calls: [{ index: 0, id: '', type: 'function', function: { name: '', arguments: half[1]! } }] },
      { tool_calls: [{ index: 0, id: '', type: 'function', function: { arguments: null } }] },
    ],
    reasoning: 'The bath first.',
    text: '',
    back: { content: null, reasoning_content: 'The bath first.' },
  },
  {
    vendor: 'Ollama',
    source: 'https://docs.ollama.com/api/openai-compatibility: reasoning; a call comes whole',
    message: { role: 'assistant', content: '', reasoning: 'The bath first.', tool_calls: [call('c1')] },
    deltas: [
      { role: 'assistant', content: '', reasoning: 'The bath ' },
      { role: 'assistant', content: '', reasoning: 'first.' },
      { role: 'assistant', content: '', ...wholePiece('c1') },
    ],
    reasoning: 'The bath first.',
    text: '',
    back: { content: null, reasoning: 'The bath first.' },
  },
  {
    vendor: 'vLLM with a reasoning parser',
    source:
      'https://docs.vllm.ai/en/latest/features/reasoning_outputs.html: both names of the field in older versions',
    message: {
      role: 'assistant',
      content: null,
      reasoning: 'The bath first.',
      reasoning_content: 'The bath first.',
      tool_calls: [call('c1')],
    },
    deltas: [
      { role: 'assistant', content: '' },
      { reasoning: 'The bath ', reasoning_content: 'The bath ' },
      { reasoning: 'first.', reasoning_content: 'first.' },
      ...pieces('c1'),
    ],
    reasoning: 'The bath first.',
    text: '',
    back: { content: null, reasoning: 'The bath first.', reasoning_content: 'The bath first.' },
  },
  {
    vendor: 'vLLM without a reasoning parser',
    source:
      'the chat template of the model: <think> is a part of the text, and the template removes it from history itself',
    message: {
      role: 'assistant',
      content: '<think>\nThe bath first.</think>\n\nI look.',
      tool_calls: [call('c1')],
    },
    deltas: [
      { role: 'assistant', content: '<th' },
      { content: 'ink>\nThe bath first.</' },
      { content: 'think>\n' },
      { content: '\nI look.' },
      ...pieces('c1'),
    ],
    reasoning: '\nThe bath first.',
    text: 'I look.',
    back: { content: '<think>\nThe bath first.</think>\n\nI look.' },
  },
  {
    vendor: 'llama.cpp',
    source:
      'https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, reasoning_format "deepseek"',
    message: {
      role: 'assistant',
      content: null,
      reasoning_content: 'The bath first.',
      tool_calls: [call('c1')],
    },
    deltas: [
      { role: 'assistant', content: null },
      { reasoning_content: 'The bath ' },
      { reasoning_content: 'first.' },
      { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: fn.name, arguments: '{' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"room":"bath"}' } }] },
    ],
    reasoning: 'The bath first.',
    text: '',
    back: { content: null, reasoning_content: 'The bath first.' },
  },
  {
    vendor: 'Azure',
    source:
      'https://learn.microsoft.com/azure/ai-foundry/openai/reference: no thinking text; the first chunk has no choice',
    message: {
      role: 'assistant',
      content: 'I look.',
      refusal: null,
      annotations: [],
      tool_calls: [call('c1')],
    },
    deltas: [{ role: 'assistant', content: '', refusal: null }, { content: 'I look.' }, ...pieces('c1')],
    reasoning: '',
    text: 'I look.',
    back: { content: 'I look.' },
  },
  {
    vendor: 'Groq',
    source: 'https://console.groq.com/docs/reasoning, reasoning_format "parsed"',
    message: { role: 'assistant', reasoning: 'The bath first.', tool_calls: [call('c1')] },
    deltas: [
      { role: 'assistant', content: null },
      { reasoning: 'The bath ', channel: 'analysis' },
      { reasoning: 'first.', channel: 'analysis' },
      wholePiece('c1'),
    ],
    reasoning: 'The bath first.',
    text: '',
    back: { content: null, reasoning: 'The bath first.' },
  },
  {
    vendor: 'OpenRouter',
    source:
      'https://openrouter.ai/docs/use-cases/reasoning-tokens, "Preserving reasoning"; agno-agi/agno#8794 for the pieces',
    message: {
      role: 'assistant',
      content: '',
      reasoning: 'The bath first.',
      reasoning_details: list(
        {
          type: 'reasoning.text',
          text: 'The bath first.',
          format: 'anthropic-claude-v1',
          index: 0,
          signature: 'Et8B',
        },
        { type: 'reasoning.encrypted', data: 'AAA=', id: 'c1', format: 'google-gemini-v1', index: 1 },
      ),
      tool_calls: [call('c1')],
    },
    deltas: [
      {
        content: '',
        reasoning: 'The bath ',
        reasoning_details: list({
          type: 'reasoning.text',
          text: 'The bath ',
          format: 'anthropic-claude-v1',
          index: 0,
        }),
      },
      {
        content: '',
        reasoning: 'first.',
        reasoning_details: list({
          type: 'reasoning.text',
          text: 'first.',
          format: 'anthropic-claude-v1',
          index: 0,
        }),
      },
      {
        content: '',
        reasoning: null,
        reasoning_details: list(
          { type: 'reasoning.text', signature: 'Et8B', format: 'anthropic-claude-v1', index: 0 },
          { type: 'reasoning.encrypted', data: 'AAA=', id: 'c1', format: 'google-gemini-v1', index: 1 },
        ),
      },
      ...pieces('c1'),
    ],
    reasoning: 'The bath first.',
    text: '',
    back: {
      content: null,
      reasoning: 'The bath first.',
      reasoning_details: list(
        {
          type: 'reasoning.text',
          text: 'The bath first.',
          format: 'anthropic-claude-v1',
          index: 0,
          signature: 'Et8B',
        },
        { type: 'reasoning.encrypted', data: 'AAA=', id: 'c1', format: 'google-gemini-v1', index: 1 },
      ),
    },
  },
];
