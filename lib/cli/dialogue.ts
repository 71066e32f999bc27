import { createInterface, type Interface } from 'node:readline';
import { closestWord } from '../common/closest-word.ts';
import { messageOf } from '../errors.ts';
import type { ChatClient, ChatTurn } from './client.ts';
import { hasColors, paint } from './show.ts';
import type { Spinner } from './spinner.ts';
import { turnFault, turnHint } from './turn-fault.ts';

/** The parts of a dialogue between a terminal, or a pipe, and a session. */
export interface DialogueOptions {
  client: ChatClient;
  /** Every envelope is printed as JSON, so that the answers are not printed again. */
  json: boolean;
  /** Whether an answer without a call shows that a sentence was not understood (turn-fault.ts). */
  expectsCalls: boolean;
  spinner: Spinner;
  /** The texts of `/tools` and `/devices`. */
  describe(what: 'tools' | 'devices'): Promise<string>;
}

/** The commands of a terminal, with their help. */
const commands: Record<string, string> = {
  '/help': 'show these commands',
  '/tools': 'show the tools of the devices',
  '/devices': 'show the devices, and where they are',
  '/approve': 'let the call go that waits for you',
  '/reject': 'keep it from being sent; with a reason, where you have one',
  '/stop': 'stop the task that runs, as Ctrl-C does',
  '/quit': 'end, as Ctrl-D does',
};

/**
 * Says line by line until the input ends. On a terminal Ctrl-C and `/stop` stop the running task, and without one Ctrl-C ends
 * the dialogue. From a pipe, the exit code is 1 after a sentence that failed, with the reason on stderr.
 */
export async function converse(options: DialogueOptions): Promise<void> {
  await new Dialogue(options).run();
}

class Dialogue {
  readonly #options: DialogueOptions;
  /** By the input: a person types sentences, and a script pipes them. */
  readonly #isTerminal = process.stdin.isTTY;
  readonly #colors = hasColors(process.stdout);
  readonly #lines: Interface;
  /** Whether a sentence is being worked on. */
  #isBusy = false;
  /** The hint of the turn before: it is not said again. */
  #lastHint: string | undefined;

  constructor(options: DialogueOptions) {
    this.#options = options;
    this.#lines = createInterface({
      input: process.stdin,
      ...(this.#isTerminal && { output: process.stdout, prompt: paint('green', '> ', this.#colors) }),
      terminal: this.#isTerminal,
    });
  }

  async run(): Promise<void> {
    this.#lines.on('SIGINT', () => (this.#isBusy ? this.#stop() : this.#lines.close()));
    if (this.#isTerminal) {
      const hint = `Session ${this.#options.client.id}. /help shows the commands, Ctrl-C stops a task, Ctrl-D ends.\n`;
      process.stdout.write(paint('gray', hint, this.#colors));
      // A task keeps the loop below busy, so that `/stop` is heard here.
      this.#lines.on('line', (line) => this.#isBusy && this.#hear(line.trim()));
      this.#lines.prompt();
    }
    // One sentence after the other: lines of a pipe wait until the one before has ended.
    for await (const line of this.#lines) {
      const text = line.trim();
      if (this.#isTerminal && text.startsWith('/')) {
        if (text === '/quit') return this.#lines.close();
        await this.#obey(text);
      } else if (text !== '') await this.#say(text);
      if (this.#isTerminal) this.#lines.prompt();
    }
  }

  async #say(sentence: string): Promise<void> {
    const { client, spinner } = this.#options;
    this.#isBusy = true;
    spinner.start();
    const turn = await client.say(sentence).finally(() => spinner.stop());
    this.#isBusy = false;
    this.#show(turn);
  }

  /** Prints what the person or the script has not seen yet: the answer in a pipe, and a failure. */
  #show(turn: ChatTurn): void {
    const { json, expectsCalls } = this.#options;
    const fault = turnFault(turn, !this.#isTerminal && expectsCalls);
    if (turn.status === 'done' && !this.#isTerminal && !json) process.stdout.write(`${turn.answer}\n`);
    if (fault === undefined) return;
    if (turn.status !== 'done') process.stderr.write(`${fault}\n`);
    // A script has to learn that something failed; on a terminal the person has seen it.
    if (!this.#isTerminal) {
      if (turn.status === 'done') process.stderr.write(`lite-agent: ${fault}: ${turn.sentence}\n`);
      process.exitCode = 1;
    }
    const hint = turnHint(turn);
    if (hint !== undefined && hint !== this.#lastHint) process.stderr.write(`${hint}\n`);
    this.#lastHint = hint;
  }

  /** A line while a task runs. */
  #hear(line: string): void {
    if (line === '/stop') return this.#stop();
    const [, decision, reason] = /^\/(approve|reject)(?:\s+(.+))?$/.exec(line) ?? [];
    if (decision !== 'approve' && decision !== 'reject') return;
    this.#options.client.decide(decision, reason).then(
      (isOpen) => isOpen || process.stderr.write('No call waits for a decision.\n'),
      (error: unknown) => process.stderr.write(`lite-agent: ${messageOf(error)}\n`),
    );
  }

  #stop(): void {
    process.stderr.write('Stopping. A call that has left is awaited, so that its outcome is known.\n');
    this.#options.client
      .stop()
      .catch((error: unknown) => process.stderr.write(`lite-agent: ${messageOf(error)}\n`));
  }

  async #obey(command: string): Promise<void> {
    if (/^\/(stop|approve|reject)\b/.test(command)) return; // nothing waits, or the listener has heard it
    process.stdout.write(`${await this.#textOf(command)}\n`);
  }

  /** The text that answers a command of the terminal; also for an unknown one. */
  async #textOf(command: string): Promise<string> {
    if (command === '/help')
      return Object.entries(commands)
        .map(([name, help]) => `  ${name.padEnd(10)} ${help}`)
        .join('\n');
    if (command === '/tools' || command === '/devices')
      return this.#options.describe(command === '/tools' ? 'tools' : 'devices').catch(messageOf);
    const near = closestWord(command, Object.keys(commands));
    return `There is no command ${command}.${near === undefined ? '' : ` Did you mean ${near}?`} /help shows all.`;
  }
}
