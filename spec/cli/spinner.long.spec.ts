import { expect } from 'chai';
import { createSpinner } from '../../lib/cli/spinner.ts';
import { captureOutput } from '../support/output.ts';
import { waitFor } from '../support/wait-for.ts';

describe('cli/spinner', () => {
  it('counts the seconds on a terminal, and leaves nothing there', async () => {
    const { stdout, text } = captureOutput(80);
    const spinner = createSpinner(stdout, 'until the device answers');
    spinner.start();
    try {
      await waitFor(() => text().includes('2 s'));
    } finally {
      spinner.stop();
    }
    const gone = '\r\u001B[2K';
    expect(text()).to.equal(`  … 1 s until the device answers${gone}  … 2 s until the device answers${gone}`);
  });

  it('writes nothing where no terminal is', async () => {
    const [pipe, terminal] = [captureOutput(), captureOutput(80)];
    const spinners = [createSpinner(pipe.stdout), createSpinner(terminal.stdout)];
    for (const spinner of spinners) spinner.start();
    try {
      await waitFor(() => terminal.text() !== '');
      expect(pipe.text()).to.equal('');
    } finally {
      for (const spinner of spinners) spinner.stop();
    }
  });
});
