import { Argument, type Command } from 'commander';
import { print } from './io.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

/** Adds `completion`: it prints a script by which a shell completes commands and options. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description(
      'print a script that lets a shell complete commands and options; bash: eval "$(lite-agent completion bash)"',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell: (typeof shells)[number]) => {
      const words = wordsOf(program);
      await print(process.stdout, shell === 'fish' ? fishScript(words) : bashScript(words, shell === 'zsh'));
    });
}

/** The words that may follow a command; the key is the command, '' for the program itself. */
function wordsOf(program: Command): Map<string, string[]> {
  const options = (command: Command): string[] => command.options.flatMap(({ long }) => long ?? []);
  const names = (command: Command): string[] => command.commands.map((one) => one.name());
  const choices = (command: Command): string[] =>
    command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const words = new Map([['', [...names(program), ...options(program)]]]);
  for (const command of program.commands)
    words.set(command.name(), [...names(command), ...choices(command), ...options(command), '--help']);
  return words;
}

/** A zsh without settings of its own has no completion yet. */
const zshBeginning = [
  '(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }',
  'autoload -Uz bashcompinit && bashcompinit',
];

/** The script for bash, and for zsh, which runs scripts of bash. */
function bashScript(words: ReadonlyMap<string, string[]>, isZsh: boolean): string {
  const cases = [...words].map(
    ([name, list]) => `    ${name === '' ? '""' : name}) words="${list.join(' ')}" ;;`,
  );
  return [
    ...(isZsh ? zshBeginning : []),
    '_lite_agent() {',
    '  local words command=""',
    '  [ "$COMP_CWORD" -gt 1 ] && command="${COMP_WORDS[1]}"',
    '  case "$command" in',
    ...cases,
    '  esac',
    // Files come where no word fits: most commands take documents.
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _lite_agent lite-agent',
    '',
  ].join('\n');
}

/** The script for fish: one line for each command. */
function fishScript(words: ReadonlyMap<string, string[]>): string {
  const lines = [...words].flatMap(([name, list]) => {
    const condition = name === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${name}`;
    return `complete -c lite-agent -n '${condition}' -a '${list.join(' ')}'`;
  });
  return `${lines.join('\n')}\n`;
}
