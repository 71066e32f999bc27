/**
 * The benchmarks: `npm run bench` runs all, `npm run bench -- turn fan-out` some. Each prints a table of ratios within one
 * run; only ratios carry over to another machine.
 */
const benches: Record<string, () => Promise<{ run(): Promise<void> }>> = {
  turn: () => import('./turn.ts'),
  'model-client': () => import('./model-client.ts'),
  compile: () => import('./compile.ts'),
  'fan-out': () => import('./fanout.ts'),
  replay: () => import('./replay.ts'),
  'idle-sessions': () => import('./idle-sessions.ts'),
  crash: () => import('./crash.ts'),
  takeover: () => import('./takeover.ts'),
  modbus: () => import('./modbus.ts'),
  'chat-stream': () => import('./chat-stream.ts'),
  threads: () => import('./threads.ts'),
  rules: () => import('./rules.ts'),
  mcp: () => import('./mcp.ts'),
  nodes: () => import('./nodes.ts'),
  estop: () => import('./estops.ts'),
  attacks: () => import('./attacks.ts'),
};

/** Those that take long, and run only when they are named. */
const long: typeof benches = { soak: () => import('./soak.ts') };

const all = { ...benches, ...long };
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in all));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are: ${Object.keys(all).join(', ')}`);
  process.exitCode = 2;
} else {
  for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
    console.log(`\n## ${name}\n`);
    const { run } = await all[name]!();
    await run();
  }
}
