import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { settingTypos, typoText } from '../../lib/cli/setting-typos.ts';

describe('misspelt settings', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'typos-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are found in the files of settings, with the setting that was meant', () => {
    writeFileSync(join(folder, '.env.local'), 'baseurl=http://127.0.0.1:1/v1\nmodel=m\nPROT=1\n');
    writeFileSync(join(folder, '.env'), 'EGRES_ALLOW=plc\nINIT_MAX_BYTES=1\n');
    expect(settingTypos(folder)).to.deep.equal([
      { file: '.env.local', name: 'baseurl', meant: 'baseUrl' },
      { file: '.env.local', name: 'PROT', meant: 'PORT' },
      { file: '.env', name: 'EGRES_ALLOW', meant: 'EGRESS_ALLOW' },
    ]);
    expect(settingTypos(folder).map(typoText)[0]).to.equal(
      '.env.local: baseurl is no setting, and is ignored; did you mean baseUrl?',
    );
  });

  it('are not the names of other programs', () => {
    writeFileSync(join(folder, '.env'), 'COMPOSE_PROJECT_NAME=x\nOPENAI_MODEL=m\n');
    expect(settingTypos(folder)).to.deep.equal([]);
    expect(settingTypos(join(folder, 'none'))).to.deep.equal([]);
  });
});
