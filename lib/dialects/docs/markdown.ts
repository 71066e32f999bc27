import { posix } from 'node:path';
import { Marked, type Tokens } from 'marked';
import { escapeHtml } from '../escape-html.ts';

/** A heading of a page, with the fragment that leads to it. */
export interface Heading {
  depth: number;
  text: string;
  id: string;
}

/** Where a page stands, and how its links to other files become URLs. */
export interface LinkContext {
  /** The file of the page, from the root of the package. */
  file: string;
  /** The URL of another file; undefined: it is not shown, and the link becomes its text and its path. */
  urlOf(file: string): string | undefined;
}

/** Renders a page of GitHub's Markdown. Raw HTML is shown as text, so that a page can hold no script. */
export function renderMarkdown(text: string, context: LinkContext): { html: string; headings: Heading[] } {
  const headings: Heading[] = [];
  const marked = new Marked({
    renderer: {
      html: ({ text: raw }) => escapeHtml(raw),
      heading({ tokens, depth, text: source }) {
        // Without the signs of code, emphasis and links. Two equal headings of a page get one id, so that the first one is found.
        const plain = source.replaceAll(/[`*]|\]\([^)]*\)|\[/g, '');
        const id = slugOf(plain);
        headings.push({ depth, text: plain, id });
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link) {
        const inside = this.parser.parseInline(tokens);
        const url = urlOfLink(href, context);
        return url === undefined
          ? `${inside} <small>(in the folder of the program: <code>${escapeHtml(fileOf(href, context))}</code>)</small>`
          : `<a href="${escapeHtml(url)}">${inside}</a>`;
      },
      image({ href, text: words }: Tokens.Image) {
        const url = urlOfLink(href, context) ?? '';
        return `<img src="${escapeHtml(url)}" alt="${escapeHtml(words)}">`;
      },
    },
  });
  // Wide blocks scroll, which a keyboard can do only where it can go [WCAG 2.1.1].
  const html = marked.parse(text, { async: false }).replaceAll(/<(pre|table)>/g, '<$1 tabindex="0">');
  return { html, headings };
}

/** The fragment of a heading, as GitHub makes it. */
function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The URL of a link: as it is, or that of the file of the package that it leads to; undefined when that is not shown. */
function urlOfLink(href: string, context: LinkContext): string | undefined {
  if (/^(?:https?:|#)/.test(href)) return href;
  const [, fragment = ''] = /(#.*)$/.exec(href) ?? [];
  const url = context.urlOf(fileOf(href, context));
  return url === undefined ? undefined : url + fragment;
}

/** A relative link, from the root of the package. */
function fileOf(href: string, { file }: LinkContext): string {
  return posix.join(posix.dirname(file), href.replace(/#.*$/, ''));
}
