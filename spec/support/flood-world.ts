import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FloodServer, handshakeOf, type FloodAnswer } from './flood-server.ts';
import { waitFor } from './wait-for.ts';

/** The event loop of a server under a flood is held no longer. */
const HELD_MAX_MS = 200;

/** A flood: the budget that catches it, and the refusals that it got, as many as came. */
export interface Flood {
  name: string;
  budget: string;
  refusal: RegExp;
  /** Another bound than that of the others, in ms. */
  heldMaxMs?: number;
  /** Makes the sessions and the data that the flood needs. Their memory is not counted as the flood's. */
  prepare?(address: string): Promise<void>;
  run(address: string): Promise<string[]>;
}

/** A server with small budgets in a process of its own, and the clients of floods. */
export class FloodWorld {
  readonly #budgets: Readonly<Record<string, string>>;
  #server: FloodServer | undefined;
  #folder = '';
  #session = '';
  #loadedMiB = 0;
  #liveMiB = 0;

  constructor(budgets: Readonly<Record<string, string>>) {
    this.#budgets = budgets;
  }

  get server(): FloodServer {
    return this.#server!;
  }

  /** A session that was there before all floods. */
  get session(): string {
    return this.#session;
  }

  /** Opens the server and loads it: every kind of work was done once, `more` included, and some sessions are open. */
  async open(more: () => Promise<void> = async () => undefined): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), 'floods-'));
    this.#server = await FloodServer.open({ ...this.#budgets, DATA_DIR: this.#folder });
    for (let at = 0; at < 100; at += 1) this.#session = await this.newSession('127.0.1.1');
    const yaml = await this.init('127.0.1.1', yamlOf('first', 20_000));
    expect(yaml.status, yaml.text).to.equal(200);
    const made = await this.register('127.0.1.1', 'first');
    expect(made.status, made.text).to.equal(200);
    await more();
    this.#liveMiB = await this.server.liveMiB();
    this.#loadedMiB = (await this.server.report()).memoryMiB;
  }

  async close(): Promise<void> {
    await this.#server?.close();
    rmSync(this.#folder, { recursive: true });
  }

  /** Sends a flood. Throws where it was not refused, held the server, took its memory, or kept others from it. */
  async withstand(flood: Flood, address: string): Promise<void> {
    const { refusal, heldMaxMs = HELD_MAX_MS } = flood;
    await flood.prepare?.(address);
    await this.server.liveMiB(); // The garbage of the rows before is not counted as memory of this one.
    await this.server.report();
    const answers = await flood.run(address);
    const refused = answers.filter((text) => refusal.test(text));
    expect(refused.length, answers.slice(0, 3).join('\n').slice(0, 500)).to.be.above(0);
    const seen = await this.server.report();
    expect(seen.heldMs, 'ms in which the event loop was held').to.be.below(heldMaxMs);
    const told = `${seen.memoryMiB} MiB of ${this.#loadedMiB} MiB`;
    expect(seen.memoryMiB / this.#loadedMiB, told).to.be.below(2);
    expect((await this.server.send('127.0.1.2', 'GET', '/healthz')).status).to.equal(200);
  }

  /** Waits until the memory of the floods is free again. */
  async recover(): Promise<void> {
    this.server.cut();
    await waitFor(async () => (await this.server.liveMiB()) < 2 * this.#liveMiB, 30_000);
  }

  init(address: string, openSpec?: string): Promise<FloodAnswer> {
    const body = openSpec === undefined ? {} : { openSpecList: [{ openSpec }] };
    return this.server.send(address, 'POST', '/api/init', { body });
  }

  async newSession(address: string): Promise<string> {
    return (JSON.parse((await this.init(address)).text) as { id: string }).id;
  }

  register(address: string, name: string): Promise<FloodAnswer> {
    const body = { username: name, email: `${name}@example.com`, password: 'right horse battery 7' };
    return this.server.send(address, 'POST', '/api/v1/user/register', { body });
  }

  /** The status and the text of so many answers at once. */
  all(count: number, work: (at: number) => Promise<FloodAnswer>): Promise<string[]> {
    return Promise.all(
      Array.from({ length: count }, async (_, at) => {
        const { status, text } = await work(at).catch((error: Error) => ({ status: 0, text: error.message }));
        return `${status} ${text}`;
      }),
    );
  }

  /** What connections that were opened at once have received, when one of them is refused or closed. */
  async opened(address: string, count: number, text: string, isOver: RegExp): Promise<string[]> {
    const open = await Promise.all(Array.from({ length: count }, () => this.server.connect(address, text)));
    await waitFor(() => open.some(({ received }) => isOver.test(received)), 30_000);
    return open.map(({ received }) => received);
  }

  /** What a socket that has sent these frames has received, when the flood is refused. */
  async framed(address: string, frames: Buffer, isOver: RegExp): Promise<string[]> {
    const connection = await this.server.connect(address, handshakeOf(await this.newSession(address)));
    await waitFor(() => connection.received.includes('101'));
    connection.socket.write(frames);
    await waitFor(() => isOver.test(connection.received), 30_000);
    return [connection.received];
  }
}

/** A document in YAML with so many keys. */
export function yamlOf(mark: string, keys: number): string {
  return (
    'openapi: 3.0.0\ninfo: {title: t, version: "1"}\npaths: {/a: {get: {responses: {}}}}\n' +
    `x-${mark}:\n${Array.from({ length: keys }, (_, at) => `  key${at}: ${at}\n`).join('')}`
  );
}
