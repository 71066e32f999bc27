// A fake: WeChat's API for mini programs on loopback, as far as signing in needs it.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface WeChatServer {
  readonly url: string;
  readonly appid: string;
  readonly secret: string;
  /** A code that `wx.login` gives a user; the session that it had before is over. */
  login(openid: string): string;
  /** Ends the session of a user. */
  expire(openid: string): void;
  /** Makes the app's tokens so far worth nothing. */
  dropTokens(): void;
  /** What is answered to everything instead. */
  answer: object | undefined;
  /** How often each path was asked. */
  readonly asked: Record<string, number>;
  close(): Promise<void>;
}

export async function startWeChatServer(): Promise<WeChatServer> {
  const appid = 'wx0123456789abcdef';
  const secret = 'app-secret-0123456789';
  const codes = new Map<string, string>();
  const sessions = new Map<string, string>();
  const asked: Record<string, number> = {};
  const state = { answer: undefined as object | undefined };
  let count = 0;
  let token = 'token-1';

  async function reply(request: IncomingMessage): Promise<object> {
    const url = new URL(request.url ?? '/', 'http://wechat');
    const query = url.searchParams;
    asked[url.pathname] = (asked[url.pathname] ?? 0) + 1;
    const body = await text(request);
    if (state.answer) return state.answer;
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /sns/jscode2session': {
        if (query.get('appid') !== appid || query.get('secret') !== secret) return { errcode: 40_125 };
        if (query.get('grant_type') !== 'authorization_code') return { errcode: 40_002 };
        const code = query.get('js_code') ?? '';
        const openid = codes.get(code);
        if (openid === undefined) return { errcode: 40_029, errmsg: 'invalid code' };
        codes.delete(code);
        return { openid, session_key: sessions.get(openid), unionid: `u-${openid}` };
      }
      case 'POST /cgi-bin/stable_token': {
        const asks = JSON.parse(body) as Record<string, unknown>;
        if (asks['appid'] !== appid || asks['secret'] !== secret) return { errcode: 40_125 };
        if (asks['grant_type'] !== 'client_credential') return { errcode: 40_002 };
        return { access_token: token, expires_in: 7200 };
      }
      case 'GET /wxa/checksession': {
        if (query.get('access_token') !== token) return { errcode: 40_001, errmsg: 'invalid credential' };
        const key = sessions.get(query.get('openid') ?? '');
        if (key === undefined || query.get('sig_method') !== 'hmac_sha256') return { errcode: 87_009 };
        const right = createHmac('sha256', key).update('').digest('hex');
        return query.get('signature') === right
          ? { errcode: 0, errmsg: 'ok' }
          : { errcode: 87_009, errmsg: 'invalid signature' };
      }
      default:
        return { errcode: 404 };
    }
  }

  const server = createServer((request, response) => {
    reply(request).then(
      (answer) => response.writeHead(200, { 'content-type': 'text/plain' }).end(JSON.stringify(answer)),
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    appid,
    secret,
    asked,
    login(openid: string) {
      count += 1;
      sessions.set(openid, `key-${openid}-${count}==`);
      codes.set(`code-${count}`, openid);
      return `code-${count}`;
    },
    expire: (openid: string) => void sessions.delete(openid),
    dropTokens() {
      count += 1;
      token = `token-${count}`;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
