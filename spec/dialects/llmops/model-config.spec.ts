import { expect } from 'chai';
import { codedFault } from '../../../lib/common/coded-fault.ts';
import { inWireWords } from '../../../lib/dialects/llmops/model-config.ts';
import { SpecError } from '../../../lib/errors.ts';

describe('the faults of a configuration of an app', () => {
  it('have their places on the wire, and keep their codes and values', async () => {
    const fault = codedFault('/documents/0/openSpec', 'must_be_meant', { wanted: 'a text', meant: 'server' });
    const work = () => Promise.reject(new SpecError('It cannot be used.', [fault]));
    const error = await inWireWords(work).catch((thrown: unknown) => thrown);
    expect((error as SpecError).faults).to.deep.equal([
      { ...fault, pointer: '/model_config/openSpecList/0/openSpec' },
    ]);
  });
});
