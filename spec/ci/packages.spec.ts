import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const scripts = fileURLToPath(new URL('../../.ci/', import.meta.url));

describe('the check of packages', function () {
  this.timeout(30_000); // each test starts processes, which take their time on a busy machine
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'packages-'));
    mkdirSync(join(cwd, '.ci'));
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  function run(
    script: string,
    env: NodeJS.Dict<string> = {},
  ): { code: number | null; out: string; faults: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(scripts, script)], {
      cwd,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ...env },
    });
    return { code: status, out: stdout, faults: stderr };
  }

  it('refuses a licence that is not in the list, and a package without one', () => {
    const packages = {
      '': { license: 'none' },
      'node_modules/a': { license: 'MIT' },
      'node_modules/b': { license: '(GPL-2.0 OR ISC)' },
      'node_modules/c': { license: 'GPL-3.0-only' },
      'node_modules/d': {},
      'node_modules/e': { license: 'MIT AND LGPL-3.0-or-later' },
      'node_modules/@img/sharp-linux': { license: 'MIT AND LGPL-3.0-or-later' },
    };
    writeFileSync(join(cwd, 'package-lock.json'), JSON.stringify({ packages }));
    expect(run('licences.mjs')).to.deep.equal({
      code: 1,
      out: 'licences: 6 packages, 3 faults\n',
      faults:
        'node_modules/c has the licence GPL-3.0-only\n' +
        'node_modules/d does not say its licence\n' +
        'node_modules/e has the licence MIT AND LGPL-3.0-or-later\n',
    });
  });

  /** Runs the audit with a program in the place of npm that prints a report. */
  function audit(report: object, accepted: object[]): ReturnType<typeof run> {
    writeFileSync(join(cwd, 'report.json'), JSON.stringify(report));
    writeFileSync(join(cwd, 'npm'), '#!/bin/sh\ncat report.json\n');
    chmodSync(join(cwd, 'npm'), 0o755);
    writeFileSync(join(cwd, '.ci', 'audit-accepted.json'), JSON.stringify(accepted));
    return run('audit.mjs', { PATH: cwd + delimiter + process.env['PATH'] });
  }

  it('refuses known vulnerabilities of high severity, unless they are accepted for a time', () => {
    const via = (id: string, severity: string) => ({
      name: id,
      title: `about ${id}`,
      severity,
      url: `https://github.com/advisories/${id}`,
    });
    const report = {
      vulnerabilities: {
        a: { via: [via('GHSA-1', 'high'), 'b'] },
        b: { via: [via('GHSA-2', 'critical'), via('GHSA-3', 'moderate')] },
        c: { via: [via('GHSA-4', 'high')] },
      },
    };
    const accepted = [
      { id: 'GHSA-2', reason: 'not reached', until: '9999-01-01' },
      { id: 'GHSA-4', reason: 'not reached', until: '2020-01-01' },
    ];
    expect(audit(report, accepted)).to.deep.equal({
      code: 1,
      out: 'audit: 4 known vulnerabilities, 2 to mend\n',
      faults:
        'GHSA-1: about GHSA-1 (https://github.com/advisories/GHSA-1)\n' +
        'GHSA-4: about GHSA-4 was accepted until 2020-01-01 (https://github.com/advisories/GHSA-4)\n',
    });
    expect(audit({ vulnerabilities: {} }, []).code).to.equal(0);
  });

  it('says so where the registry cannot be asked', () => {
    expect(audit({ message: '405 Method Not Allowed' }, [])).to.deep.equal({
      code: 0,
      out: 'audit: SKIPPED, the registry cannot be asked (405 Method Not Allowed)\n',
      faults: '',
    });
  });
});
