import { sentenceText } from './server-words.ts';

/** The odd things about a document and its rules. */
export function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <ul class="warning small">
      {warnings.map((warning) => (
        <li key={warning}>{sentenceText(warning)}</li>
      ))}
    </ul>
  );
}
