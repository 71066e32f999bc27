const exitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Resolves at the first SIGINT or SIGTERM. A second one ends the process at once, with the exit code that shells expect
 * (128 + signal). `cancel` removes the listeners.
 */
export function nextSignal(): { signal: Promise<NodeJS.Signals>; cancel(): void } {
  let count = 0;
  let tell: (signal: NodeJS.Signals) => void = () => {};
  const signal = new Promise<NodeJS.Signals>((resolve) => (tell = resolve));
  const listen = (name: NodeJS.Signals) => {
    count += 1;
    if (count > 1) process.exit(exitCodes[name] ?? 1);
    tell(name);
  };
  process.on('SIGINT', listen);
  process.on('SIGTERM', listen);
  return { signal, cancel: () => void process.off('SIGINT', listen).off('SIGTERM', listen) };
}
