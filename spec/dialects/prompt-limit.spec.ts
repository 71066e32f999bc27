import { expect } from 'chai';
import { checkPrompt } from '../../lib/dialects/prompt-limit.ts';
import { AppError } from '../../lib/errors.ts';

describe('the limit of system prompts', () => {
  const outcomeOf = (prompt: string | undefined): string => {
    try {
      checkPrompt(prompt, 4, '/systemPrompt');
      return 'taken';
    } catch (error) {
      return (error as AppError).message;
    }
  };
  const refused = 'The system prompt is larger than 4 bytes (SYSTEM_PROMPT_MAX_BYTES).';

  it('counts bytes, not characters', () => {
    expect([undefined, 'abcd', 'éé', 'abcde', 'ééé'].map(outcomeOf)).to.deep.equal([
      'taken',
      'taken',
      'taken',
      refused,
      refused,
    ]);
  });

  it('does not count the bytes of a text that has too many characters already', () => {
    const prompt = 'é'.repeat(200_000_000);
    const began = performance.now();
    expect(outcomeOf(prompt)).to.equal(refused);
    expect(performance.now() - began).to.be.below(20);
  });
});
