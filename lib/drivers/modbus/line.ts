import { messageOf } from '../../errors.ts';
import {
  createModbusConnection,
  type ModbusConnection,
  type ModbusConnectionEvents,
  type ModbusClass,
} from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import type { ExchangeFailure } from './request.ts';
import { openTransport, type TransportOptions } from './transport.ts';
import { ModbusStatus } from './status.ts';

/** The connection to one endpoint: opened when it is needed, kept quiet when the line must settle, closed when idle. */
export interface ModbusLine {
  /** The connection, when a request may be sent now. */
  readonly ready: ModbusConnection | undefined;
  /** No connection, none on its way, nothing to remember. */
  readonly unused: boolean;
  /** Opens if that is needed and may be tried now; else says why it may not. */
  wake(connectTimeoutMs: number): string | undefined;
  /** Sends nothing for a time; `untilQuiet`: the time starts again with every byte that arrives. */
  hold(ms: number, untilQuiet: boolean): void;
  /** A valid reply came: the connection is good. */
  heard(): void;
  /** Drops the connection, which is no good any more. */
  drop(): void;
  /** There is nothing to send: closes after the idle time. */
  rest(): void;
  close(): Promise<void>;
}

export interface ModbusLineEvents extends ModbusConnectionEvents {
  /** A request may be sent now, or it may be tried to open. */
  changed(): void;
  /** Could not be opened. */
  unreachable(reason: string): void;
  /** The other side closed. */
  lost(failure: ExchangeFailure): void;
  /** Whether nothing is to be sent and nothing on its way. */
  resting(): boolean;
}

export interface ModbusLineOptions extends Omit<TransportOptions, 'signal'> {
  loadModbus: () => Promise<ModbusClass>;
}

const backoffMs = 250;
const longestBackoffMs = 10_000;

/** A line that is not open yet. */
export function openLine(
  endpoint: Endpoint,
  options: ModbusLineOptions,
  events: ModbusLineEvents,
): ModbusLine {
  const { idleTimeout } = endpoint.bus;
  const shutdown = new AbortController();
  let connection: ModbusConnection | undefined;
  let changing: Promise<void> | undefined; // while it opens or closes
  let held: { timer: NodeJS.Timeout; untilQuiet: boolean } | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  let answered = false; // on this connection
  let failures = 0;
  let blockedUntil = 0;
  let lastFailure = '';

  const change = (work: Promise<void>): void => {
    changing = work.then(() => {
      changing = undefined;
      events.changed();
    });
  };

  const backOff = (reason: string): void => {
    blockedUntil = performance.now() + Math.min(backoffMs * 2 ** failures, longestBackoffMs);
    failures++;
    lastFailure = reason;
  };

  const data = (chunk: Buffer): void => {
    if (held?.untilQuiet === true) held.timer.refresh();
    else connection?.receive(chunk);
  };

  const closed = (reason: string, unsent: boolean): void => {
    connection = undefined;
    // One that accepts and closes again is as good as one that refuses.
    if (!answered) backOff(reason);
    events.lost({
      status: unsent ? ModbusStatus.LOST_WHILE_SENDING : ModbusStatus.BAD_RESPONSE,
      what: `got no answer: ${reason}`,
    });
  };

  const open = async (connectTimeoutMs: number): Promise<void> => {
    try {
      const Modbus = await options.loadModbus();
      const transportOptions = { ...options, signal: shutdown.signal };
      const transport = await openTransport(endpoint, transportOptions, { data, closed }, connectTimeoutMs);
      connection = createModbusConnection(Modbus, endpoint, transport, events);
      answered = false;
    } catch (error) {
      backOff(messageOf(error));
      events.unreachable(lastFailure);
    }
  };

  const leave = (gently: boolean): void => {
    clearTimeout(idleTimer);
    idleTimer = undefined;
    if (connection === undefined) return;
    const { transport } = connection;
    connection = undefined;
    change(transport.close(gently));
  };

  const expire = (): void => {
    idleTimer = undefined;
    // The clock starts with a rest, and is not stopped for every request: one may be on its way.
    if (events.resting()) leave(true);
  };

  return {
    get ready() {
      return changing === undefined && held === undefined ? connection : undefined;
    },
    get unused() {
      const quiet = connection === undefined && changing === undefined && held === undefined;
      return quiet && performance.now() >= blockedUntil;
    },
    wake(connectTimeoutMs) {
      if (connection !== undefined || changing !== undefined || held !== undefined) return undefined;
      const pause = Math.ceil(blockedUntil - performance.now());
      if (pause > 0) return `${lastFailure} (next attempt in ${pause} ms)`;
      change(open(connectTimeoutMs));
      return undefined;
    },
    hold(ms, untilQuiet) {
      if (ms === 0 || (held !== undefined && !untilQuiet)) return;
      clearTimeout(held?.timer);
      const release = (): void => {
        held = undefined;
        events.changed();
      };
      held = { timer: setTimeout(release, ms), untilQuiet };
    },
    heard() {
      answered = true;
      failures = 0;
    },
    // A device that allows one connection must have seen the old one close before it sees the next.
    drop: () => leave(true),
    rest() {
      if (connection === undefined) return;
      if (idleTimeout === 0) return leave(true);
      if (idleTimer === undefined) idleTimer = setTimeout(expire, idleTimeout);
      else idleTimer.refresh();
    },
    async close() {
      shutdown.abort(new Error('shut down'));
      clearTimeout(held?.timer);
      held = undefined;
      await changing;
      leave(false);
      await changing;
    },
  };
}
