import type { JsonObject } from '../../lib/common/json.ts';
import type { Connection, Tool } from '../../lib/core/tool.ts';
import type { Endpoint } from '../../lib/drivers/modbus/endpoint.ts';
import type { BusCall } from '../../lib/drivers/modbus/job.ts';
import { ModbusError, type ModbusReply, type ModbusRequest } from '../../lib/drivers/modbus/request.ts';

/** An endpoint on 127.0.0.1 as a plain document describes it. */
export function tcpEndpoint(port: number, more: Partial<Endpoint & { type: 'tcp' }> = {}): Endpoint {
  const bus = { requestDelay: 0, idleTimeout: 60_000, maxInFlight: 1, ...more.bus };
  return { type: 'tcp', host: '127.0.0.1', port, framing: 'mbap', ...more, bus };
}

/** A read of holding registers. */
export function readOf(address: number, count = 1, unit = 1): ModbusRequest {
  return { fc: 3, unit, address, count };
}

/** A write of one holding register. */
export function writeOf(address: number, value: number, unit = 1): ModbusRequest {
  return { fc: 6, unit, address, count: 1, registers: [value] };
}

/** A call for a bus, with short times. */
export function callOf(request: ModbusRequest, more: Partial<BusCall> = {}): BusCall {
  return {
    request,
    timeoutMs: 200,
    connectTimeoutMs: 500,
    retries: 1,
    coalesce: false,
    deadlineMs: 5000,
    signal: new AbortController().signal,
    party: callOf,
    ...more,
  };
}

/** How a call ended, as a value: its registers, or its status and whether it was sent. */
export async function outcomeOf(
  reply: Promise<ModbusReply>,
): Promise<readonly number[] | { status: number; sent: boolean; message: string }> {
  try {
    return (await reply).registers;
  } catch (error) {
    if (!(error instanceof ModbusError)) throw error;
    return { status: error.status, sent: error.sent, message: error.message };
  }
}

/** Calls a tool as a session does. */
export function callTool(
  tool: Tool | undefined,
  args: JsonObject = {},
  context: { connection?: Connection; signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<JsonObject> {
  if (tool === undefined) throw new Error('there is no such tool');
  return tool.call(args, {
    connection: {},
    signal: new AbortController().signal,
    timeoutMs: 30_000,
    ...context,
  });
}
