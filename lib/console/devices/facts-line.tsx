import { counted, t } from '../language.ts';

/** The names of kinds as their authors write them. */
const kindNames: Readonly<Record<string, string>> = {
  openapi: 'OpenAPI',
  openrpc: 'OpenRPC',
  openmodbus: 'OpenModbus',
  mcp: 'MCP',
};

interface FactsLineProps {
  name: string;
  kind: string;
  version: number;
  tools: number;
}

/** The facts of a device in one line. */
export function FactsLine({ name, kind, version, tools }: FactsLineProps) {
  const count = counted(tools, 'toolOne', 'toolsCount');
  return (
    <p class="soft small">
      {t('deviceFacts', { name, kind: kindNames[kind] ?? kind, version, tools: count })}
    </p>
  );
}
