import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { startCommand } from '../support/command.ts';
import { goodReply, startModbusFake, type ModbusFake } from '../support/modbus-fake.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { waitFor } from '../support/wait-for.ts';

/** The example's document; a device that is silent is waited for longer than this spec lasts. */
function patientDocument(): string {
  const example = new URL('../../examples/air-conditioner.openmodbus.json', import.meta.url);
  const document = JSON.parse(readFileSync(example, 'utf8')) as { server: { config?: object } };
  document.server.config = { ...document.server.config, timeout: 120_000 };
  return JSON.stringify(document);
}

describe('lite-agent serve at its end', function () {
  this.timeout(60_000);
  let cwd: string;
  let model: ModelServer | undefined;
  let devices: ModbusFake[] = [];
  let child: ChildProcess;
  beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), 'serve-end-'))));
  afterEach(async () => {
    child.kill('SIGKILL');
    await model?.close();
    await Promise.all(devices.map((device) => device.close()));
    devices = [];
    rmSync(cwd, { recursive: true });
  });

  /** Starts a server, opens a session for each device, and says a sentence in each of them. */
  async function serve(llmConfig?: { baseUrl: string; apiKey: string; model: string }) {
    const env = { PORT: '0', LOG_LEVEL: 'silent', SHUTDOWN_TIMEOUT_MS: '1000', CALL_TIMEOUT_MS: '120000' };
    child = startCommand(['serve'], { cwd, env });
    const ended = once(child, 'close');
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const url = line.toString().trim().split(' ').at(-1)!;
    const talks = await Promise.all(
      devices.map(async ({ port }) => {
        const answer = await fetch(`${url}/init`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            openSpecList: [{ openSpec: patientDocument(), server: `tcp://127.0.0.1:${port}` }],
            llmConfig,
          }),
        });
        const { id } = (await answer.json()) as { id: string };
        const socket = new WebSocket(`${url.replace('http', 'ws')}/chat?id=${id}`);
        await once(socket, 'open');
        const close = once(socket, 'close') as Promise<[number]>;
        const done = new Promise<void>((resolve) =>
          socket.on('message', (data: Buffer) => data.includes('[TASK_DONE]') && resolve()),
        );
        socket.send(JSON.stringify({ type: 'text', message: 'How warm is it?' }));
        return { done, close };
      }),
    );
    return {
      done: Promise.all(talks.map(({ done }) => done)),
      /** Resolves with the exit code, and the codes of the sockets. */
      async end() {
        child.kill('SIGTERM');
        const [code] = (await ended) as [number];
        const sockets = await Promise.all(talks.map(({ close }) => close));
        return [code, ...sockets.map(([socket]) => socket)];
      },
    };
  }

  it('does not wait for the idle connections of devices that close after each answer', async () => {
    devices = [await startModbusFake(), await startModbusFake()];
    for (const device of devices) device.behave = (request) => request.socket.end(goodReply(request));
    const server = await serve();
    await server.done;
    expect(await server.end()).to.deep.equal([0, 1012, 1012]);
    expect(devices.map(({ requests }) => requests.length)).to.deep.equal([1, 1]);
  });

  it('does not wait longer than SHUTDOWN_TIMEOUT_MS for a device that is silent', async () => {
    devices = [await startModbusFake()];
    devices[0]!.behave = () => undefined;
    const server = await serve();
    await waitFor(() => devices[0]!.requests.length === 1, 10_000);
    expect(await server.end()).to.deep.equal([0, 1012]);
  });

  it('does not wait for a model endpoint that is silent', async () => {
    devices = [await startModbusFake()];
    model = await startModelServer([{ answer: () => undefined }]);
    const server = await serve({ baseUrl: model.baseUrl, apiKey: 'none', model: 'm' });
    await waitFor(() => model?.requests.length === 1, 10_000);
    expect(await server.end()).to.deep.equal([0, 1012]);
  });
});
