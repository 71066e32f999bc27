import { expect } from 'chai';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { AppError } from '../../lib/errors.ts';
import { openEgress, type Egress, type EgressOptions } from '../../lib/drivers/egress.ts';
import { readConfig } from '../../lib/config.ts';
import { egressOptionsOf } from '../../lib/drivers/egress-options.ts';
import { quiet } from '../../lib/log.ts';
import { createEgressRules } from '../../lib/drivers/egress-rules.ts';

const closed: EgressOptions = { allow: [], deny: [], allowPrivate: false, serialAllow: [] };

describe('egress', () => {
  const opened: Egress[] = [];
  let server: Server;
  let port: number;
  let hits: number;

  beforeEach(async () => {
    hits = 0;
    server = createServer((_, response) => {
      hits += 1;
      response.end('hello');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((egress) => egress.close()));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function open(options: Partial<EgressOptions> = {}): Egress {
    const egress = openEgress({ ...closed, ...options });
    opened.push(egress);
    return egress;
  }

  const get = async (egress: Egress, host: string) =>
    (await request(`http://${host}:${port}/`, { dispatcher: egress.dispatcher })).body.text();

  const failure = async (work: Promise<unknown>): Promise<AppError> => {
    try {
      await work;
    } catch (error) {
      expect(error).to.be.instanceOf(AppError);
      return error as AppError;
    }
    throw new Error('it went through');
  };

  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '017700000001',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    'localhost.',
    '127.0.0.1.',
    '[::]',
    'localhost',
    'LOCALHOST',
  ]) {
    it(`refuses loopback spelled ${host}, for HTTP and for plain connections, before a byte leaves`, async () => {
      const egress = open();
      const error = await failure(get(egress, host));
      expect(error.code).to.equal('forbidden');
      expect(error.message).to.contain('EGRESS_ALLOW');
      expect((await failure(egress.resolve(host, 502))).code).to.equal('forbidden');
      expect(hits).to.equal(0);
    });
  }

  it('lets a name and a literal through where private addresses are open', async () => {
    const egress = open({ allowPrivate: true });
    expect(await get(egress, '127.0.0.1')).to.equal('hello');
    expect(await get(egress, 'localhost')).to.equal('hello');
    expect(await egress.resolve('127.0.0.1', 502)).to.deep.equal({ address: '127.0.0.1', family: 4 });
    expect(await egress.resolve('localhost', 502)).to.deep.equal({ address: '127.0.0.1', family: 4 });
    expect(await egress.resolve('[::1]', 502)).to.deep.equal({ address: '::1', family: 6 });
  });

  it('opens exactly the port that EGRESS_ALLOW names', async () => {
    const egress = open({ allow: [`127.0.0.1:${port}`] });
    expect(await get(egress, '127.0.0.1')).to.equal('hello');
    expect((await failure(egress.resolve('127.0.0.1', port + 1))).code).to.equal('forbidden');
  });

  it('names EGRESS_DENY when that list refuses', async () => {
    const egress = open({ allowPrivate: true, allow: ['*'], deny: ['localhost'] });
    expect((await failure(get(egress, '127.0.0.1'))).message).to.equal(
      `127.0.0.1, port ${port}, is refused by EGRESS_DENY.`,
    );
  });

  it('opens on loopback the addresses of the network, or those alone that EGRESS_ALLOW names', () => {
    const openTo = (env: Record<string, string>): boolean =>
      egressOptionsOf(readConfig({ env, cwd: '/nowhere' }), quiet).allowPrivate;
    expect(openTo({})).to.equal(true);
    expect(openTo({ EGRESS_ALLOW: '192.168.1.0/24' })).to.equal(false);
  });

  it('names the kind of setting to callers, and the address in the log only', async () => {
    const logged: [object, string][] = [];
    const log = { ...quiet, warn: (fields: object, text: string) => void logged.push([fields, text]) };
    const config = { ...readConfig({ env: {}, cwd: '/nowhere' }), loopback: false, serialAllow: [] };
    const egress = open(egressOptionsOf({ ...config, auth: 'required' }, log));
    const { message } = await failure(get(egress, 'localhost'));
    const [, refusal] =
      /^The server may not connect to this address \(EGRESS_ALLOW, EGRESS_DENY\); its log has the reason under refusal ([\da-f]{8})\.$/.exec(
        message,
      ) ?? [];
    expect(logged.at(-1)?.[0]).to.deep.equal({ refusal });
    expect(logged.at(-1)?.[1]).to.match(
      /^localhost \((127\.0\.0\.1|::1)\) is a loopback or private address; add localhost:\d+/,
    );
    expect((await failure(egress.resolve('10.0.0.7', 502))).message).not.to.contain('10.0.0.7');
    expect(() => egress.checkSerial('/dev/ttyS0')).to.throw(
      AppError,
      /^The server may not open this serial device \(SERIAL_ALLOW\)/,
    );
    expect(egressOptionsOf(config, log)).to.deep.equal(closed);
  });

  it('opens the serial devices that are listed, and no others', () => {
    const egress = open({ serialAllow: ['/dev/ttyUSB0'] });
    expect(() => egress.checkSerial('/dev/ttyUSB0')).not.to.throw();
    expect(() => egress.checkSerial('/dev/./ttyUSB0')).not.to.throw();
    expect(() => egress.checkSerial('/dev/ttyUSB0/../ttyUSB1')).to.throw(AppError, 'SERIAL_ALLOW');
    expect(() => open({ serialAllow: ['*'] }).checkSerial('/dev/ttyS0')).not.to.throw();
    expect(() => open().checkSerial('/dev/ttyS0')).to.throw(AppError, '/dev/ttyS0');
  });

  it('refuses to start on a list entry it cannot read, naming it and the setting', () => {
    for (const entry of ['10.0.0.0/40', '10.0.0.0/x', 'a b', 'a@b', 'host:99999', '', '/8']) {
      expect(() => openEgress({ ...closed, allow: [entry] })).to.throw(AppError, `EGRESS_ALLOW: "${entry}"`);
      expect(() => openEgress({ ...closed, deny: [entry] })).to.throw(AppError, `EGRESS_DENY: "${entry}"`);
    }
  });
});

describe('egress rules', () => {
  const verdict = (options: Partial<EgressOptions>, host: string, port: number, address = host) =>
    createEgressRules({ ...closed, ...options }).refusal(host, port, address) === undefined
      ? 'open'
      : 'refused';

  const metadata = [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
    '::ffff:0:169.254.169.254',
    '64:ff9b:1::169.254.169.254',
    '64:ff9b:1:a9fe:a9:fe00::',
    '2001:0:a9fe:a9fe::1',
    '2001:0:5db8:d822::5601:5601',
    '2606::5efe:169.254.169.254',
    'fe80::5efe:169.254.169.254%eth0',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
  ];
  for (const address of metadata) {
    it(`never lets ${address} through, with any lists`, () => {
      const options = { allowPrivate: true, allow: ['*', '0.0.0.0/0', '::/0', `[${address}]`] };
      expect(
        verdict({ ...options, allow: options.allow.slice(0, 3) }, 'metadata.example', 80, address),
      ).to.equal('refused');
      expect(verdict({ ...options, allow: options.allow.slice(0, 3) }, address, 80)).to.equal('refused');
    });
  }

  const table: [string, Partial<EgressOptions>, string, number, string, 'open' | 'refused'][] = [
    ['a public address', {}, 'api.example.com', 443, '93.184.216.34', 'open'],
    ['a public IPv6 address', {}, 'api.example.com', 443, '2606:2800:220:1::1', 'open'],
    ['a private address', {}, 'printer', 80, '192.168.1.9', 'refused'],
    ['carrier-grade NAT', {}, 'x', 80, '100.64.1.1', 'refused'],
    ['a unique local address', {}, 'x', 80, 'fd12::1', 'refused'],
    ['a scoped link-local address', {}, 'x', 80, 'fe80::1%eth0', 'refused'],
    ['broadcast', {}, 'x', 80, '255.255.255.255', 'refused'],
    ['a text that is no address', { allowPrivate: true }, 'x', 80, '::ffff:127.1', 'refused'],
    [
      'a private address on a private-friendly server',
      { allowPrivate: true },
      'printer',
      80,
      '192.168.1.9',
      'open',
    ],
    ['an allowed CIDR', { allow: ['192.168.0.0/16'] }, 'printer', 80, '192.168.1.9', 'open'],
    ['an allowed IPv6 CIDR', { allow: ['fd12::/16'] }, 'printer', 80, 'fd12::7', 'open'],
    [
      'an allowed CIDR, reached as a mapped address',
      { allow: ['192.168.0.0/16'] },
      'printer',
      80,
      '::ffff:192.168.1.9',
      'open',
    ],
    ['an allowed name', { allow: ['Printer.local'] }, 'printer.local.', 80, '192.168.1.9', 'open'],
    ['a name below an allowed one', { allow: ['*.plant.local'] }, 'a.plant.local', 80, '10.1.1.1', 'open'],
    ['the allowed parent itself', { allow: ['*.plant.local'] }, 'plant.local', 80, '10.1.1.1', 'refused'],
    [
      'another port of an allowed name',
      { allow: ['printer.local:80'] },
      'printer.local',
      81,
      '192.168.1.9',
      'refused',
    ],
    ['an allowed IPv6 literal with a port', { allow: ['[fd12::7]:502'] }, 'fd12::7', 502, 'fd12::7', 'open'],
    ['an allowed IPv6 literal without brackets', { allow: ['fd12::7'] }, 'fd12::7', 1, 'fd12::7', 'open'],
    [
      'an allowed address in another spelling',
      { allow: ['2130706433'] },
      '127.0.0.1',
      1,
      '127.0.0.1',
      'open',
    ],
    [
      'a denied public name',
      { deny: ['api.example.com'] },
      'api.example.com',
      443,
      '93.184.216.34',
      'refused',
    ],
    [
      'a denied CIDR under an allowed name',
      { allow: ['printer'], deny: ['10.0.0.0/8'] },
      'printer',
      80,
      '10.0.0.1',
      'refused',
    ],
    ...[
      '::ffff:0:10.1.1.1',
      '::10.1.1.1',
      '64:ff9b::10.1.1.1',
      '64:ff9b:1::10.1.1.1',
      '2002:a01:101::1',
      '2001:0:a01:101::f7f7:f7f7',
      '2001:0:5db8:d822::f5fe:fefe',
      '2606::5efe:10.1.1.1',
    ].flatMap((address): typeof table => [
      [`${address}, with a private address inside,`, {}, 'x', 80, address, 'refused'],
      [
        `${address} with a denied address inside`,
        { allow: ['*'], deny: ['10.0.0.0/8'] },
        'x',
        80,
        address,
        'refused',
      ],
      [`${address} under an allowed network alone`, { allow: ['::/0'] }, 'x', 80, address, 'refused'],
      [`${address} with both allowed`, { allow: ['::/0', '10.0.0.0/8'] }, 'x', 80, address, 'open'],
    ]),
    ['everything denied', { deny: ['*'], allow: ['*'], allowPrivate: true }, 'x', 80, '8.8.8.8', 'refused'],
    ['localhost allowed, reached as ::1', { allow: ['localhost'] }, '::1', 80, '::1', 'open'],
  ];
  for (const [what, options, host, port, address, expected] of table) {
    it(`${what} is ${expected}`, () => expect(verdict(options, host, port, address)).to.equal(expected));
  }
});
