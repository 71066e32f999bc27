import { expect } from 'chai';
import { contents } from '../../../lib/dialects/docs/manual.ts';
import { renderMarkdown } from '../../../lib/dialects/docs/markdown.ts';
import { openTestApp, type TestApp } from '../../support/app.ts';

describe('the manual at /docs', () => {
  let app: TestApp;
  before(async () => {
    app = await openTestApp();
  });
  after(() => app.close());

  const get = (path: string) => fetch(`${app.url}${path}`);
  const textOf = async (path: string): Promise<string> => (await get(path)).text();
  const linksIn = (html: string): string[] => [
    ...new Set([...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, link = '']) => link)),
  ];
  const idsIn = (html: string): string[] => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id);

  it('has no script, and loads nothing from elsewhere', async () => {
    const answer = await get('/docs/start');
    expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([
      200,
      'text/html; charset=utf-8',
    ]);
    expect(answer.headers.get('content-security-policy')).to.equal(
      "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(await answer.text()).not.to.match(/<script|style=|src="http/);
  });

  it('shows every page with one title, and leads to places that exist', async () => {
    const pages = new Map<string, string>();
    const pageAt = async (path: string): Promise<string> => {
      const known = pages.get(path) ?? (await textOf(path));
      pages.set(path, known);
      return known;
    };
    const faults: string[] = [];
    for (const name of contents.flatMap((group) => Object.keys(group.pages))) {
      const html = await pageAt(`/docs/${name}`);
      if (html.match(/<h1 /g)?.length !== 1) faults.push(`${name} has not one title`);
      const ids = idsIn(html);
      if (new Set(ids).size !== ids.length) faults.push(`${name} has a heading twice`);
      for (const link of linksIn(html).filter((path) => path !== '/')) {
        const [path = '', id] = link.split('#');
        const target = await pageAt(path);
        if (target.startsWith('{') || (id !== undefined && !idsIn(target).includes(id)))
          faults.push(`${name} leads to ${link}`);
      }
    }
    expect(faults).to.deep.equal([]);
  });

  it('shows a person the contents where it has no page, and says so to a program', async () => {
    const inBrowser = await fetch(`${app.url}/docs/nowhere`, { headers: { accept: 'text/html,*/*;q=0.8' } });
    const html = await inBrowser.text();
    expect([
      inBrowser.status,
      inBrowser.headers.get('content-type'),
      linksIn(html).includes('/docs'),
    ]).to.deep.equal([404, 'text/html; charset=utf-8', true]);
    expect(html).to.include('<h1>No such page</h1>');
    const { status, detail } = (await (await get('/docs/nowhere')).json()) as {
      status: number;
      detail: string;
    };
    expect([status, detail]).to.deep.equal([404, 'The manual has no such page. Its contents are at /docs.']);
  });

  it('shows a person a page at an address where nothing is', async () => {
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    for (const [path, detail] of [
      ['/nowhere%3Cb%3E', 'There is nothing at /nowhere%3Cb%3E.'],
      ["/it's", 'There is nothing at /it&#39;s.'],
      ['/v1/nothing', 'There is nothing at /v1/nothing.'],
    ] as const) {
      const answer = await fetch(`${app.url}${path}`, { headers: browser });
      expect([answer.status, answer.headers.get('content-type')], path).to.deep.equal([
        404,
        'text/html; charset=utf-8',
      ]);
      expect(answer.headers.get('content-security-policy')).to.match(/^default-src 'none'; /);
      const html = await answer.text();
      expect(html).to.include(`<main><h1>No such page</h1><p>${detail}</p>\n<p><a href="/">`);
      expect(linksIn(html)).to.include.members(['/', '/docs', '/docs/manual.css']);
    }
  });

  it('tells a person which methods an address has, and answers a program with a problem there', async () => {
    const page = await fetch(`${app.url}/api/init`, { headers: { accept: 'text/html' } });
    expect(page.status).to.equal(404);
    expect(await page.text()).to.include('<p>There is no GET at /api/init, only POST.</p>');
    const answers = [
      await get('/nowhere'),
      await fetch(`${app.url}/nowhere`, { method: 'POST', headers: { accept: 'text/html' } }),
    ];
    for (const answer of answers)
      expect([answer.status, await answer.json()]).to.deep.equal([
        404,
        { type: 'about:blank', title: 'Not Found', status: 404, detail: 'There is nothing at /nowhere.' },
      ]);
  });

  it('finds headings by all their words, in upper or lower case', async () => {
    const listOf = (html: string): string[] => {
      const main = html.slice(html.indexOf('<main>'));
      return [...main.matchAll(/<li [^>]*><a href="([^"]*)"/g)].map(([, link = '']) => link);
    };
    expect(listOf(await textOf('/docs?q=Emergency+STOP'))).to.deep.equal(['/docs/rules#emergency-stop']);
    expect(listOf(await textOf('/docs?q=running+backup'))).to.deep.equal([
      '/docs/running#backup-and-restore',
    ]);
    expect(listOf(await textOf('/docs')).length).to.be.greaterThan(50);
  });

  it('shows a query that finds nothing as text', async () => {
    const html = await textOf(`/docs?q=${encodeURIComponent('<b>"x"')}`);
    expect(html).to.include('No heading has “&#60;b&#62;&#34;x&#34;”.');
    expect(html).not.to.include('<b>');
  });

  it('has its pictures and its style, and nothing else of the package', async () => {
    let together = 0;
    for (const name of ['console.webp', 'console-device.webp', 'mcp-inspector.webp']) {
      const picture = await get(`/docs/${name}`);
      expect([picture.status, picture.headers.get('content-type')]).to.deep.equal([200, 'image/webp']);
      const bytes = Number(picture.headers.get('content-length'));
      expect(bytes).to.be.within(10_000, 150_000);
      together += bytes;
    }
    expect(together).to.be.below(300_000);
    expect((await get('/docs/manual.css')).headers.get('content-type')).to.equal('text/css; charset=utf-8');
    for (const path of ['/docs/toString', '/docs/package.json', '/docs/..%2fpackage.json', '/docs/__proto__'])
      expect((await get(path)).status, path).to.equal(404);
  });

  it('shows HTML in a page as text, and a file outside of the manual by its path', () => {
    const context = { file: 'lib/docs/x.md', urlOf: () => undefined };
    const text = '# A `b` [c](d.md)\n\n<script>x</script>\n\n[key](../../.env "t")\n';
    expect(renderMarkdown(text, context)).to.deep.equal({
      html:
        '<h1 id="a-b-c">A <code>b</code> c <small>(in the folder of the program: <code>lib/docs/d.md</code>)</small></h1>\n' +
        '&#60;script&#62;x&#60;/script&#62;' +
        '<p>key <small>(in the folder of the program: <code>.env</code>)</small></p>\n',
      headings: [{ depth: 1, text: 'A b c', id: 'a-b-c' }],
    });
  });
});
