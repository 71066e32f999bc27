import { expect } from 'chai';
import { AppError } from '../../lib/errors.ts';
import { route, type Mount, type Route } from '../../lib/server/mount.ts';
import { createRouter } from '../../lib/server/router.ts';

function at(method: Route['method'], path: string): Route {
  return route({ method, path, summary: '', access: 'open', handle: () => ({}) });
}

function mount(name: string, prefixes: string[], routes: Route[] = []): Mount {
  return {
    name,
    prefixes,
    routes,
    sockets: [],
    anonymous: undefined,
    formatError: () => ({ contentType: '', body: '' }),
  };
}

describe('the router', () => {
  const one = mount(
    'one',
    ['/v1'],
    [
      at('GET', '/v1/things/:id'),
      at('DELETE', '/v1/things/:id'),
      at('GET', '/v1/things/mine'),
      at('GET', '/v1/things/:thing/parts/:part'),
      at('GET', '/v1/a.b'),
    ],
  );
  const two = mount('two', ['/', '/v1/x']);
  const router = createRouter([one, two]);

  it('finds fixed paths before paths with parameters, and decodes these', () => {
    const found = (method: string, path: string) => {
      const match = router.match(method, path);
      return [match.mount.name, match.route.method, match.route.path, match.params];
    };
    expect(found('GET', '/v1/things/mine')).to.deep.equal(['one', 'GET', '/v1/things/mine', {}]);
    expect(found('DELETE', '/v1/things/7')).to.deep.equal(['one', 'DELETE', '/v1/things/:id', { id: '7' }]);
    expect(found('HEAD', '/v1/things/a%2Fb%20c')).to.deep.equal([
      'one',
      'GET',
      '/v1/things/:id',
      { id: 'a/b c' },
    ]);
    expect(found('GET', '/v1/things/a/parts/b')[3]).to.deep.equal({ thing: 'a', part: 'b' });
  });

  it('says what is not there', () => {
    const codes = ['/v1/things/', '/v1/things/a/b', '/v1/aXb', '/V1/a.b'].map((path) => codeOf('GET', path));
    expect(codes).to.deep.equal(['not_found', 'not_found', 'not_found', 'not_found']);
    expect(codeOf('PATCH', '/v1/things/7')).to.equal('not_found');
    expect(() => router.match('PATCH', '/v1/things/7')).to.throw(
      'There is no PATCH at /v1/things/7, only GET, DELETE.',
    );
    expect(codeOf('GET', '/v1/things/%E0%A4%A')).to.equal('invalid_request');
  });

  it('knows whose paths are whose: the longest prefix wins', () => {
    const names = ['/v1', '/v1/y', '/v1/x', '/v1/x/y', '/v10', '/'].map((path) => router.mountOf(path)?.name);
    expect(names).to.deep.equal(['one', 'one', 'two', 'two', 'two', 'two']);
    expect(createRouter([one]).mountOf('/v10')).to.equal(undefined);
  });

  it('does not take two routes for one method and path', () => {
    expect(() => createRouter([one, mount('three', [], [at('GET', '/v1/a.b')])])).to.throw(
      'two routes for GET /v1/a.b',
    );
    expect(() => createRouter([mount('three', [], [at('GET', '/:a'), at('GET', '/:a')])])).to.throw(
      'two routes',
    );
  });

  function codeOf(method: string, path: string): string {
    try {
      router.match(method, path);
      return 'found';
    } catch (error) {
      return (error as AppError).code;
    }
  }
});
