import { expect } from 'chai';
import { createThinkingSplitter } from '../../lib/models/thinking.ts';

/** Splits a text that comes in pieces of one size. */
function split(text: string, size: number): { answer: string; thoughts: string } {
  let thoughts = '';
  const splitter = createThinkingSplitter((piece) => (thoughts += piece));
  let answer = '';
  for (let at = 0; at < text.length; at += size) answer += splitter.push(text.slice(at, at + size));
  return { answer: answer + splitter.end(), thoughts };
}

describe('thinking text between tags', () => {
  const table: [title: string, text: string, thoughts: string, answer: string][] = [
    ['at the start', '<think>Hm.</think>\n\nYes.', 'Hm.', 'Yes.'],
    ['after white space', '\n <think>Hm.</think>Yes.', 'Hm.', 'Yes.'],
    ['empty', '<think>\n\n</think>\n\nYes.', '\n\n', 'Yes.'],
    ['with another tag inside', '<think>a <b> </thin </think>Yes.', 'a <b> </thin ', 'Yes.'],
    ['of Gemini', '<thought>Hm.</thought>Yes.', 'Hm.', 'Yes.'],
    ['with a longer name', '<thinking>Hm.</thinking>Yes.', 'Hm.', 'Yes.'],
    ['of Mistral', '[THINK]Hm.[/THINK]Yes.', 'Hm.', 'Yes.'],
    ['without an end', '<think>Hm.</thi', 'Hm.</thi', ''],
    ['that is a part of the answer', 'Write <think>x</think>.', '', 'Write <think>x</think>.'],
    ['a second time', '<think>a</think>b<think>c</think>', 'a', 'b<think>c</think>'],
    ['that only begins', '<thin', '', '<thin'],
    ['that turns out to be another tag', '<thief>x', '', '<thief>x'],
    ['no text at all', '', '', ''],
  ];
  for (const [title, text, thoughts, answer] of table)
    it(`${title}, cut anywhere`, () => {
      for (let size = 1; size <= text.length + 1; size++)
        expect(split(text, size), `in pieces of ${size}`).to.deep.equal({ answer, thoughts });
    });
});
