import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const program = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');

/** The reference server as a command. */
export const everythingCommand = [process.execPath, program, 'stdio'];

/**
 * Makes the program listen on loopback alone, and say its port. It never changes its tools itself, so that each SIGUSR2 takes away the
 * tool `echo`, or gives it back.
 */
const changes = `
import { Server } from 'node:net';
import { McpServer } from '${import.meta.resolve('@modelcontextprotocol/sdk/server/mcp.js')}';
const { registerTool } = McpServer.prototype;
McpServer.prototype.registerTool = function (name, ...rest) {
  const tool = registerTool.call(this, name, ...rest);
  if (name === 'echo') process.on('SIGUSR2', () => (tool.enabled ? tool.disable() : tool.enable()));
  return tool;
};
const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  this.once('listening', () => process.stdout.write('port ' + this.address().port + '\\n'));
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ...rest);
};`;

/** The reference server over Streamable HTTP; on a free port when none is named. */
export async function startEverything(
  port = 0,
): Promise<{ url: string; port: number; changeTools(): void; kill(): Promise<void> }> {
  const patch = `data:text/javascript,${encodeURIComponent(changes)}`;
  const child: ChildProcess = spawn(process.execPath, ['--import', patch, program, 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  while (!/port \d+\n/.test(said)) said += String((await once(child.stdout!, 'data'))[0]);
  child.stdout!.resume();
  const found = Number(/port (\d+)\n/.exec(said)![1]);
  return {
    port: found,
    url: `http://127.0.0.1:${found}/mcp`,
    changeTools: () => void child.kill('SIGUSR2'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
