import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { parseExactly } from '../../common/exact-numbers.ts';
import { childPointer } from '../../common/json-pointer.ts';
import { AppError, type Fault } from '../../errors.ts';

/** A fault as the schemas of the SDK say it. */
interface Issue {
  path: readonly PropertyKey[];
  message: string;
}

/** An error inside [JSON-RPC 2.0 5.1]. */
export const INTERNAL_ERROR = -32_603;
/** Invalid parameters [JSON-RPC 2.0 5.1]. */
export const INVALID_PARAMS = -32_602;

/**
 * Makes a transport say in words which parameters of a request are not valid. The SDK calls that an internal error, and its message
 * is the list of faults as JSON.
 */
export function withPlainErrors<T extends Pick<Transport, 'send'>>(transport: T): T {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => send(plain(message), options);
  return transport;
}

/** The error for a message that the schemas of the SDK refuse. */
export function invalidMessage(issues: readonly Issue[]): AppError {
  const faults = issues.map(faultOf);
  return new AppError('invalid_request', wordsOf(faults), { faults });
}

/** The same message, unless it is an internal error whose text is a list of faults. */
function plain(message: JSONRPCMessage): JSONRPCMessage {
  if (!('error' in message)) return message;
  const { code, message: text } = message.error;
  const issues = code === INTERNAL_ERROR ? parseExactly(text) : undefined;
  if (!Array.isArray(issues)) return message;
  const faults = (issues as unknown as Issue[]).map(faultOf);
  return { ...message, error: { code: INVALID_PARAMS, message: wordsOf(faults) } };
}

function faultOf({ path, message }: Issue): Fault {
  return { pointer: childPointer('', ...path.map(String)), detail: message };
}

function wordsOf(faults: readonly Fault[]): string {
  return `${faults.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ')}.`;
}
