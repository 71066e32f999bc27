import type { ServerResponse } from 'node:http';
import { targetOf } from '../../server/intake.ts';
import { route, type Call, type Route } from '../../server/mount.ts';
import { statusOf, toAppError } from '../../server/status.ts';
import { findCookie, setCookie } from '../cookies.ts';
import type { Parts } from '../dialect.ts';
import { escapeHtml } from '../escape-html.ts';
import { languageOf, sendPage, words } from './auth-page.ts';

/** It binds a sign-in at a provider to the browser that began it. */
const COOKIE = 'lite_agent_sign_in';
const returnTo = { type: 'string', minLength: 1, maxLength: 2000 } as const;
/** The providers, by name. */
const titles = { jaccount: 'jAccount', github: 'GitHub', google: 'Google' };

/** Removes the code from the address, so that it is in no history, and shows a token on demand. */
const doneScript = `
const code = new URLSearchParams(location.search).get('code');
history.replaceState(null, '', location.pathname);
const at = (id) => document.getElementById(id);
if (!code) at('show').hidden = true;
at('show').onclick = async () => {
  at('show').hidden = true;
  const answer = await fetch('/auth/exchange', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code }),
  });
  if (!answer.ok) { at('late').hidden = false; return; }
  const { token, user } = await answer.json();
  at('name').textContent = user.name + ' · ' + user.uuid;
  at('token').textContent = token;
  at('shown').hidden = false;
};`;

/** The pages for people who sign in, and the redirects to a provider and back. */
export function pageRoutes({ accounts: { oauth, signInCodes } }: Pick<Parts, 'accounts'>): Route[] {
  /** Shows an error to a browser as a page, and to any other client in the usual shape. */
  function withPage<Query, Params>(handle: (call: Call<Query, unknown, Params>) => Promise<void>) {
    return async (call: Call<Query, unknown, Params>): Promise<void> => {
      try {
        await handle(call);
      } catch (thrown) {
        const { request, response, log } = call;
        if (!/\btext\/html\b/.test(request.headers.accept ?? '')) throw thrown;
        const error = toAppError(thrown);
        log.info({ err: error }, 'a sign-in in a browser did not work');
        const language = languageOf(request.headers['accept-language']);
        const { failed, again } = words[language];
        const place = escapeHtml(oauth.returnOf(findCookie(request, COOKIE)) ?? '/auth');
        const body = `<h1>${failed}</h1><p>${escapeHtml(error.message)}</p><nav><a class="button" href="${place}">${again}</a></nav>`;
        sendPage(response, language, { title: failed, body }, statusOf(error.code));
      }
    };
  }

  /** Ends a sign-in at a provider. The browser takes a code back to the application. The code is good for one exchange. */
  async function finish({ request, response, client, origin }: Call): Promise<void> {
    const { search } = targetOf(request);
    // The sign-in is tried once, whatever comes of it.
    setSignInCookie(response, origin, undefined);
    const {
      user,
      provider,
      returnTo: place,
    } = await oauth.finish(search, findCookie(request, COOKIE), client);
    const code = await signInCodes.issue(user.uuid, provider);
    // Without an application the code goes to a page of this server.
    const url = new URL(place ?? '/auth/done', origin);
    url.searchParams.set('code', code);
    redirect(response, url.href);
  }

  return [
    route({
      method: 'GET',
      path: '/auth',
      summary: 'A page with a button for each provider to sign in at.',
      access: 'open',
      entrance: true,
      query: { type: 'object', properties: { return_to: returnTo } },
      handle({ request, response, query, origin }) {
        const language = languageOf(request.headers['accept-language']);
        const { signIn, lead, with: label, none, how } = words[language];
        const more = query.return_to === undefined ? '' : `?return_to=${encodeURIComponent(query.return_to)}`;
        const buttons = oauth.providers.map(
          ({ name, title }) =>
            `<a class="button" href="/auth/login/${name}${escapeHtml(more)}">${label(title)}</a>`,
        );
        // Without a provider nobody can sign in: the page tells the operator what to set (contract 2).
        const hints = Object.entries(titles).map(([name, title]) => {
          const setting = name.toUpperCase();
          return `<li>${title}<code>${escapeHtml(origin)}/auth/callback/${name}</code><code>${setting}_CLIENT_ID=…\n${setting}_CLIENT_SECRET=…</code></li>`;
        });
        const rest =
          buttons.length > 0
            ? `<p>${lead}</p><nav>${buttons.join('')}</nav>`
            : `<p>${none} ${how}</p><ul>${hints.join('')}</ul>`;
        sendPage(response, language, { title: signIn, body: `<h1>${signIn}</h1>${rest}` });
      },
    }),
    route({
      method: 'GET',
      path: '/auth/login/:provider',
      summary: 'Sends the browser to a provider; return_to must be one of RETURN_URLS.',
      access: 'open',
      entrance: true,
      query: { type: 'object', properties: { return_to: returnTo } },
      handle: withPage(async ({ params, query, response, origin }) => {
        const provider = params.provider;
        const begun = await oauth.begin(provider, {
          callbackUrl: `${origin}/auth/callback/${provider}`,
          returnTo: query.return_to,
        });
        setSignInCookie(response, origin, begun.cookie, begun.maxAgeSeconds);
        redirect(response, begun.url);
      }),
    }),
    // The second one is the seed's (contract 2).
    ...['/auth/callback/:provider', '/auth/login'].map((path) =>
      route({
        method: 'GET',
        path,
        summary: 'The address to which a provider sends the browser back.',
        access: 'open',
        entrance: true,
        changes: 'for all',
        handle: withPage(finish),
      }),
    ),
    route({
      method: 'GET',
      path: '/auth/done',
      summary: 'A page for people who have signed in without an application.',
      access: 'open',
      entrance: true,
      handle({ request, response }) {
        const language = languageOf(request.headers['accept-language']);
        const { done, close, token, copy, late } = words[language];
        const body =
          `<h1>${done}</h1><p>${close}</p><nav><button id="show">${token}</button></nav>` +
          `<p id="late" hidden>${late}</p>` +
          `<div id="shown" hidden><p id="name"></p><output id="token"></output><p>${copy}</p></div>`;
        sendPage(response, language, { title: done, body, script: doneScript });
      },
    }),
  ];
}

/** A redirect. Addresses with a code or a state in them are told to no other site. */
function redirect(response: ServerResponse, url: string): void {
  response.writeHead(302, { Location: url, 'Content-Length': 0, 'Referrer-Policy': 'no-referrer' }).end();
}

/** Keeps the state of a sign-in until its browser comes back. Lax, because the provider's redirect must carry it. */
function setSignInCookie(
  response: ServerResponse,
  origin: string,
  value: string | undefined,
  maxAgeSeconds = 0,
): void {
  setCookie(response, origin, { name: COOKIE, value, path: '/auth', maxAgeSeconds, sameSite: 'lax' });
}
