import { escapeHtml } from '../escape-html.ts';
import { contents, type ManualPage } from './manual.ts';
import type { Heading } from './markdown.ts';

/** A page of the manual with the contents beside it. */
export function pageDocument({ name, title, html }: ManualPage, pages: readonly ManualPage[]): string {
  return documentOf(title, pages, name, html);
}

/** The page for a person at an address where nothing is. */
export function missingDocument(pages: readonly ManualPage[], detail: string): string {
  const main = `<h1>No such page</h1><p>${escapeHtml(detail)}</p>
<p><a href="/">The console</a></p><p><a href="/docs">All pages of the manual and a search</a></p>`;
  return documentOf('No such page', pages, undefined, main);
}

/** The contents of the manual: every heading, or those that have all words of the query. */
export function contentsDocument(pages: readonly ManualPage[], query: string): string {
  // No words: all headings.
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = pages
    .map((page) => ({ page, headings: headingsWith(page, words) }))
    .filter(({ headings }) => headings.length > 0);
  const lists = found.map(
    ({ page, headings }) => `<ul>${headings.map((heading) => itemOf(page, heading)).join('')}</ul>`,
  );
  const none = `<p>No heading has “${escapeHtml(query)}”. <a href="/docs">Show all</a></p>`;
  return documentOf(
    'Manual',
    pages,
    undefined,
    `<h1>The manual</h1>
<form action="/docs" role="search"><label>Find a heading <input type="search" name="q" value="${escapeHtml(query)}"></label>
<button>Find</button></form>
${lists.join('\n') || none}`,
  );
}

/** The headings of a page that have all words, in themselves or together with the title of the page. */
function headingsWith({ title, headings }: ManualPage, words: readonly string[]): Heading[] {
  return headings.filter(({ text, depth }) => {
    const whole = (depth === 1 ? text : `${title} ${text}`).toLowerCase();
    return words.every((word) => whole.includes(word));
  });
}

/** A heading in the contents. The title leads to the page itself. */
function itemOf({ name }: ManualPage, { depth, text, id }: Heading): string {
  const fragment = depth === 1 ? '' : `#${id}`;
  return `<li class="depth-${depth}"><a href="/docs/${name}${fragment}">${escapeHtml(text)}</a></li>`;
}

/** A page around its main part. `title` is text, `main` is HTML; `shown` is the name of the page that is marked in the contents. */
function documentOf(
  title: string,
  pages: readonly ManualPage[],
  shown: string | undefined,
  main: string,
): string {
  const titles = new Map(pages.map((page) => [page.name, page.title]));
  const groups = contents.map(({ group, pages: listed }) => {
    const items = Object.keys(listed).map((name) => {
      const current = name === shown ? ' aria-current="page"' : '';
      return `<li><a href="/docs/${name}"${current}>${escapeHtml(titles.get(name) ?? name)}</a></li>`;
    });
    return `<h2>${group}</h2><ul>${items.join('')}</ul>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)} · LiteAgent Server</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/manual.css"></head>
<body><header><a href="/">Console</a> · <a href="/docs">Contents and search</a> · <a href="/docs/api">All calls</a></header>
<nav aria-label="Contents">${groups.join('\n')}</nav>
<main>${main}</main></body></html>`;
}

/** The style of the manual, for light and dark screens and for a phone. */
export const manualStyle = `
:root{color-scheme:light dark;--ink:#1d2530;--ground:#fff;--soft:#f3f5f8;--line:#d9dee6;--link:#0b5cad}
@media (prefers-color-scheme:dark){:root{--ink:#e3e8ef;--ground:#14181e;--soft:#1e242d;--line:#363e4a;--link:#7db7f5}}
*{box-sizing:border-box}
body{margin:0;display:grid;grid:auto 1fr/17rem minmax(0,1fr);background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
a{color:var(--link)}
header{grid-column:1/3;padding:.6rem 1.2rem;border-bottom:1px solid var(--line)}
nav{padding:0 1.2rem 1rem;background:var(--soft);border-right:1px solid var(--line);font-size:.92rem}
nav h2{margin:1.2rem 0 .3rem;font-size:.8rem;text-transform:uppercase;letter-spacing:.05em}
nav ul{margin:0;padding:0;list-style:none}
nav li a{display:block;padding:.15rem 0}
nav a[aria-current]{font-weight:700;text-decoration:none;color:inherit}
main{padding:1rem 2rem 4rem;max-width:62rem}
main h1{line-height:1.2}
main h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}
table{display:block;overflow-x:auto;border-collapse:collapse}
th,td{padding:.35rem .6rem;border:1px solid var(--line);text-align:left;vertical-align:top}
code{font:.9em ui-monospace,monospace;background:var(--soft);padding:.1em .25em;border-radius:.2em;overflow-wrap:anywhere}
pre{overflow-x:auto;padding:.8rem 1rem;background:var(--soft);border:1px solid var(--line);border-radius:.3rem}
td code{overflow-wrap:normal}
pre code{padding:0;background:none;overflow-wrap:normal}
img{max-width:100%;height:auto;border:1px solid var(--line)}
input,button{font:inherit;padding:.2rem .5rem}
main>ul{padding-left:1.2rem}
.depth-2{margin-left:1rem}.depth-3{margin-left:2rem}.depth-4{margin-left:3rem}
/* On a phone the page comes before the contents. */
@media (max-width:50rem){body{display:flex;flex-direction:column}nav{order:2;border:0}main{padding:1rem;min-width:0;max-width:100%}}
`;
