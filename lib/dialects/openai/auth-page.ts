import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** A page for people; `body` is HTML. */
export interface AuthPage {
  /** A constant text: it goes into the page as it is. */
  title: string;
  body: string;
  /** The only script that may run on the page. */
  script?: string;
}

/** The texts of the pages, by language. */
export const words = {
  en: {
    signIn: 'Sign in',
    lead: 'to talk to your devices',
    with: (provider: string) => `Continue with ${provider}`,
    none: 'No provider is configured yet.',
    how: 'Register this server at one of these with the callback address below, then set its two settings and start the server again.',
    done: 'You are signed in',
    close: 'You may close this page and go back to your application.',
    token: 'Show my token',
    copy: 'For programs: send it as “Authorization: Bearer …”. It is good for a few minutes.',
    late: 'This page was opened already, or too late: sign in again.',
    failed: 'Signing in did not work',
    again: 'Try again',
  },
  zh: {
    signIn: '登录',
    lead: '与您的设备对话',
    with: (provider: string) => `使用 ${provider} 登录`,
    none: '尚未配置任何登录方式。',
    how: '请用下面的回调地址在其中一处登记本服务器，然后填写对应的两项设置并重新启动。',
    done: '登录成功',
    close: '现在可以关闭本页，回到您的应用。',
    token: '显示我的令牌',
    copy: '供程序使用：以 “Authorization: Bearer …” 发送，几分钟内有效。',
    late: '本页已被打开过，或已过期：请重新登录。',
    failed: '登录未成功',
    again: '再试一次',
  },
} as const;

/** The language that a browser prefers [RFC 9110 12.5.4]: Chinese when that is first, else English. */
export function languageOf(accept: string | undefined): keyof typeof words {
  return /^\s*zh\b/i.test(accept ?? '') ? 'zh' : 'en';
}

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d9dee4;--card:#fff;--ground:#f3f5f8;--key:#0b57d0}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#9aa4af;--line:#3a4047;--card:#1f2328;--ground:#14171a;--key:#8ab4f8}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI","PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif}
main{width:100%;max-width:24rem;background:var(--card);border:1px solid var(--line);border-radius:16px;padding:2.25rem 2rem;box-shadow:0 8px 28px rgb(0 0 0/.06)}
svg{display:block;margin:0 0 1.25rem}
h1{margin:0;font-size:1.5rem;line-height:1.25}
p{margin:.5rem 0 0;color:var(--soft)}
nav{margin-top:1.75rem;display:grid;gap:.75rem}
a.button,button{display:block;width:100%;padding:.75rem 1rem;border:1px solid var(--line);border-radius:10px;background:transparent;color:inherit;font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
a.button:hover,button:hover{border-color:var(--key);color:var(--key)}
a.button:focus-visible,button:focus-visible{outline:3px solid var(--key);outline-offset:2px}
code,output{display:block;margin-top:.5rem;padding:.6rem .75rem;border-radius:8px;background:var(--ground);font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere;user-select:all}
ul{margin:1rem 0 0;padding:0;list-style:none}
li{margin-top:.9rem}
[hidden]{display:none}`;

/** The sign of the project: a lamp above a line of text. */
const mark = `<svg width="40" height="40" viewBox="0 0 40 40" aria-hidden="true"><rect width="40" height="40" rx="11" fill="#0b57d0"/><circle cx="20" cy="16" r="6" fill="#fff"/><path d="M11 29h18" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>`;

/** Sends a page that loads nothing, runs its own script only, and works in no frame [CSP 3]. */
export function sendPage(
  response: ServerResponse,
  language: keyof typeof words,
  { title, body, script }: AuthPage,
  status = 200,
): void {
  // A new one for each answer: the browser takes no other script and no other style [CSP 3].
  const nonce = randomBytes(16).toString('base64');
  const html = `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title><style nonce="${nonce}">${style}</style></head>
<body><main>${mark}${body}</main>${script === undefined ? '' : `<script nonce="${nonce}">${script}</script>`}</body></html>`;
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    ...(script === undefined ? [] : [`script-src 'nonce-${nonce}'`, "connect-src 'self'"]),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(html),
    'Content-Security-Policy': policy.join('; '),
    // The address may have a code in it.
    'Referrer-Policy': 'no-referrer',
    'X-Frame-Options': 'DENY',
  });
  response.end(html);
}
