import type { Model } from '../../lib/core/model.ts';
import { createDemoModel } from '../../lib/models/demo.ts';
import { openModels } from '../../lib/models/index.ts';
import { createScriptedModel, type ScriptedStep } from '../../lib/models/scripted.ts';
import { describeModel } from '../contracts/model.ts';
import { startModelServer, type ModelServer, type ModelServerStep } from '../support/model-server.ts';

const twice = ['kitchen', 'hall'].map((room) => ({ name: 'set_light', arguments: { room, on: true } }));

describe('every model', () => {
  const servers: ModelServer[] = [];
  after(() => Promise.all(servers.map((server) => server.close())));

  const behind = async (step: ModelServerStep): Promise<Model> => {
    const server = await startModelServer([step]);
    servers.push(server);
    return openModels({ fetch }).open({ baseUrl: server.baseUrl });
  };
  describeModel('openai', {
    answering: (text) => behind({ text }),
    callingTwice: () => behind({ calls: twice }),
    failing: () => behind({ status: 400, body: { error: { message: 'no' } } }),
    hanging: () => behind({ answer: () => {} }),
  });

  const scripted = (step: ScriptedStep) => () => Promise.resolve(createScriptedModel([step]));
  describeModel('scripted', {
    answering: (text) => scripted({ text })(),
    callingTwice: scripted({ calls: twice }),
    failing: scripted({ error: 'no' }),
    hanging: scripted({ hang: true }),
  });

  describeModel('demo', {
    answering: () => Promise.resolve(createDemoModel()),
    callingTwice: () => Promise.resolve(createDemoModel()),
    failing: undefined,
    hanging: undefined,
  });
});
