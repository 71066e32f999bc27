import { expect } from 'chai';
import {
  createAddressSet,
  isAddressRange,
  isLoopbackHost,
  plainAddress,
} from '../../lib/common/addresses.ts';

describe('a set of addresses', () => {
  it('holds addresses and ranges of both families', () => {
    const set = createAddressSet(['10.0.0.0/8', '192.168.1.7', 'fd00::/8']);
    expect(
      ['10.1.2.3', '192.168.1.7', 'fd12::1', '11.0.0.1', '192.168.1.8', 'fe80::1', 'no address'].map(set.has),
    ).to.deep.equal([true, true, true, false, false, false, false]);
  });

  it('holds an IPv4 address also where it is written inside an IPv6 address', () => {
    const set = createAddressSet(['127.0.0.0/8']);
    expect(
      ['::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '::1'].map(set.has),
    ).to.deep.equal([true, true, true, true, false]);
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

describe('a host', () => {
  it('is loopback when it can only be this machine', () => {
    expect(
      ['localhost', 'a.LOCALHOST', 'localhost.', '127.0.0.1', '127.8.8.8', '[::1]', '::1'].map(
        isLoopbackHost,
      ),
    ).to.deep.equal(Array(7).fill(true));
    expect(
      ['localhost.example.com', '128.0.0.1', '::2', '0.0.0.0', 'mylocalhost', ''].map(isLoopbackHost),
    ).to.deep.equal(Array(6).fill(false));
  });

  it('of a dual-stack socket is written as IPv4', () => {
    expect(['::ffff:10.0.0.1', '::1', '10.0.0.1'].map(plainAddress)).to.deep.equal([
      '10.0.0.1',
      '::1',
      '10.0.0.1',
    ]);
  });
});
