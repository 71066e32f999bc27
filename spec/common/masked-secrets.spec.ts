import { expect } from 'chai';
import { withMaskedSecrets } from '../../lib/common/masked-secrets.ts';

describe('masked secrets', () => {
  it('are those of all credentials, whatever their names are, and not the words of a document', () => {
    const credentials = { openSpec: 'secret-0123456789', token: 'secret-0123456789' };
    const openSpec = { info: { apiKey: 'how to get a key' } };
    const shown = withMaskedSecrets({ openSpec, credentials }) as { credentials: Record<string, string> };
    expect(shown).to.have.deep.property('openSpec', openSpec);
    expect(shown.credentials['openSpec']).to.equal(shown.credentials['token']);
    expect(shown.credentials['openSpec']).not.to.include('0123');
  });
});
