import { expect } from 'chai';
import { SharedEquipment, type Equipment } from '../../lib/core/equipment.ts';
import { createToolbox } from '../../lib/core/toolbox.ts';
import { createScriptedModel } from '../../lib/models/scripted.ts';
import { AppError } from '../../lib/errors.ts';
import { refusal } from '../support/refusal.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the equipment of a session', () => {
  let closed = 0;
  const open = (): Equipment => ({
    model: createScriptedModel([]),
    modelWith: () => createScriptedModel([]),
    toolbox: createToolbox([], { resultMaxBytes: 1000 }),
    close: () => void (closed += 1),
  });
  beforeEach(() => {
    closed = 0;
  });

  it('is opened once for all tasks, and opened again after it was closed', async () => {
    let opened = 0;
    const equipment = new SharedEquipment(async () => {
      opened += 1;
      return open();
    });
    expect(await equipment.get()).to.equal(await equipment.get());
    equipment.close();
    await waitFor(() => closed === 1);
    await equipment.get();
    expect(opened).to.equal(2);
  });

  it('is opened again for the next task when it could not be opened', async () => {
    const answers = [
      () => Promise.reject(new AppError('unavailable', 'The document cannot be fetched.')),
      () => Promise.resolve(open()),
    ];
    const equipment = new SharedEquipment(() => answers.shift()!());
    expect(await refusal(equipment.get())).to.equal('unavailable');
    expect(await equipment.get()).to.have.property('toolbox');
  });
});
