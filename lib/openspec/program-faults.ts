import type { Connection } from '../core/tool.ts';
import type { Fault } from '../errors.ts';

const REFUSED =
  'starts a program on the machine of the server. Only its operator may do that: by a file in DEVICES_DIR, or with `lite-agent device add` there. To keep the program, send command and env exactly as GET shows them';

/** The faults of an entry that starts a program, for an entry of a client: no client runs programs on the machine of the server. */
export function programFaults({ command, env }: Pick<Connection, 'command' | 'env'>): Fault[] {
  return Object.entries({ command, env }).flatMap(([key, value]) =>
    value === undefined ? [] : [{ pointer: `/${key}`, detail: REFUSED }],
  );
}
