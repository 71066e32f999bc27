import { expect } from 'chai';
import {
  clientPlaceOf,
  createAddressSet,
  isAddressRange,
  isLoopbackHost,
  plainAddress,
  reachedAddresses,
} from '../../lib/common/addresses.ts';

describe('a set of addresses', () => {
  it('holds addresses and ranges of both families', () => {
    const set = createAddressSet(['10.0.0.0/8', '192.168.1.7', 'fd00::/8']);
    expect(
      ['10.1.2.3', '192.168.1.7', 'fd12::1', '11.0.0.1', '192.168.1.8', 'fe80::1', 'no address'].map(set.has),
    ).to.deep.equal([true, true, true, false, false, false, false]);
  });

  it('holds a mapped IPv4 address, and no address that is only inside another one', () => {
    const set = createAddressSet(['127.0.0.0/8', 'fe80::/10']);
    expect(
      ['::ffff:127.0.0.1', '::ffff:127.0.0.1%lo', 'fe80::1%eth0', '::7f00:1', '2002:7f00:1::', '::1'].map(
        set.has,
      ),
    ).to.deep.equal([true, true, true, false, false, false]);
  });

  it('is made of addresses and ranges only', () => {
    expect(
      ['10.0.0.0/8', '::1', '10.0.0.0/33', '10.0.0', '::/129', 'example.com', '127.1', '10.0.0.0/'].map(
        isAddressRange,
      ),
    ).to.deep.equal([true, true, false, false, false, false, false, false]);
    expect(() => createAddressSet(['example.com'])).to.throw(
      RangeError,
      '"example.com" is neither an address nor a CIDR range',
    );
  });
});

describe('an address', () => {
  it('has the budget of its own as IPv4, and that of its network as IPv6', () => {
    const places = ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8:1:2::7', '2001:DB8:1:2:ffff::8', 'unix'];
    const [four, network] = ['192.0.2.7', '2001:db8:1:2::/64'];
    expect(places.map(clientPlaceOf)).to.deep.equal([four, four, network, network, 'unix']);
  });

  const table: [what: string, address: string, reached: string[]][] = [
    ['IPv4', '10.1.2.3', ['10.1.2.3']],
    ['IPv6', '2606:2800::1', ['2606:2800::1']],
    ['the loopback of IPv6', '::1', ['::1']],
    ['mapped', '::ffff:10.1.2.3', ['::ffff:a01:203', '10.1.2.3']],
    ['mapped, with a zone', '::ffff:10.1.2.3%lo', ['::ffff:a01:203', '10.1.2.3']],
    ['translated', '::ffff:0:10.1.2.3', ['::ffff:0:a01:203', '10.1.2.3']],
    ['compatible', '::a01:203', ['::a01:203', '10.1.2.3']],
    ['NAT64', '64:ff9b::10.1.2.3', ['64:ff9b::a01:203', '10.1.2.3']],
    ['NAT64 to no address', '64:ff9b::', ['64:ff9b::', '0.0.0.0']],
    ['NAT64 of a network, 96 bits', '64:ff9b:1::10.1.2.3', ['64:ff9b:1::a01:203', '10.1.2.3']],
    [
      'NAT64 of a network, 64 bits',
      '64:ff9b:1:0:a:102:300:0',
      ['64:ff9b:1:0:a:102:300:0', '10.1.2.3', '3.0.0.0'],
    ],
    [
      'NAT64 of a network, 48 bits',
      '64:ff9b:1:a01:2:300::',
      ['64:ff9b:1:a01:2:300::', '10.1.2.3', '1.2.3.0', '2.3.0.0'],
    ],
    ['6to4', '2002:a01:203::1', ['2002:a01:203::1', '10.1.2.3']],
    ['Teredo', '2001:0:a01:203::f5fe:fdfc', ['2001:0:a01:203::f5fe:fdfc', '10.1.2.3', '10.1.2.3']],
    ['ISATAP', 'fe80::5efe:10.1.2.3', ['fe80::5efe:a01:203', '10.1.2.3']],
    ['ISATAP of a public network', '2606::200:5efe:10.1.2.3', ['2606::200:5efe:a01:203', '10.1.2.3']],
    ['no address', '10.1.2', []],
  ];
  for (const [what, address, reached] of table)
    it(`reaches the IPv4 address inside it: ${what}`, () =>
      expect(reachedAddresses(address)).to.deep.equal(reached));
});

describe('a host', () => {
  it('is loopback when it can only be this machine', () => {
    expect(
      ['localhost', 'a.LOCALHOST', 'localhost.', '127.0.0.1', '127.8.8.8', '[::1]', '::1'].map(
        isLoopbackHost,
      ),
    ).to.deep.equal(Array(7).fill(true));
    expect(
      [
        'localhost.example.com',
        '128.0.0.1',
        '::2',
        '0.0.0.0',
        'mylocalhost',
        '',
        'evil.com/.localhost',
        'a@b.localhost',
      ].map(isLoopbackHost),
    ).to.deep.equal(Array(8).fill(false));
  });

  it('of a dual-stack socket is written as IPv4', () => {
    expect(['::ffff:10.0.0.1', '::1', '10.0.0.1'].map(plainAddress)).to.deep.equal([
      '10.0.0.1',
      '::1',
      '10.0.0.1',
    ]);
  });
});
