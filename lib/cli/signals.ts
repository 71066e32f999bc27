/**
 * Resolves at the first SIGINT or SIGTERM; from then on a second one ends the process at once, with the exit code a
 * shell expects of it. `cancel` takes the listeners away.
 */
export function nextSignal(): { signal: Promise<NodeJS.Signals>; cancel(): void } {
  let count = 0;
  let tell: (signal: NodeJS.Signals) => void = () => {};
  const signal = new Promise<NodeJS.Signals>((resolve) => (tell = resolve));
  const listen = (name: NodeJS.Signals) => {
    count += 1;
    if (count > 1) process.exit(name === 'SIGINT' ? 130 : 143);
    tell(name);
  };
  process.on('SIGINT', listen);
  process.on('SIGTERM', listen);
  return { signal, cancel: () => void process.off('SIGINT', listen).off('SIGTERM', listen) };
}
