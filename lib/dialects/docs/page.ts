/** The page with every call. It loads everything from this server. */
export const pageHtml = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>LiteAgent Server</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/api/swagger-ui.css">
<style>
#back{max-width:1460px;margin:0 auto;padding:16px 20px 0}
body{margin:0;background:#fff;color:#3b4151;font-family:sans-serif}
#sockets{max-width:1460px;margin:0 auto;padding:0 20px 60px;box-sizing:border-box}
#sockets h2{font-size:24px;margin:20px 0 5px}
#sockets h3{font-size:16px;margin:26px 0 8px}
#sockets details{margin:6px 0;border:1px solid #49cc90;border-radius:4px;background:rgb(73 204 144/.08)}
#sockets details.send{border-color:#61affe;background:rgb(97 175 254/.08)}
#sockets summary{padding:10px 14px;cursor:pointer;font-weight:600}
#sockets pre{margin:0;padding:14px;overflow:auto;font-size:13px;background:#fff;border-top:1px solid #e8e8e8}
html.dark-mode body{background:#1c2022;color:#e4e6e6}
html.dark-mode #back a{color:#8ab4f8}
html.dark-mode #sockets pre{background:#080a0b;border-color:#3b4151}
</style></head>
<body><p id="back"><a href="/docs">The manual</a></p><div id="calls"></div><div id="sockets"></div>
<script src="/docs/api/swagger-ui.js"></script><script src="/docs/api/page.js"></script></body></html>`;

/** The script of the page: swagger-ui shows the HTTP calls, and the WebSockets are below. The class of dark colors is swagger-ui's. */
export const pageScript = `
const dark = matchMedia('(prefers-color-scheme: dark)');
const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', paint);
paint();
SwaggerUIBundle({ url: '/openapi.json', dom_id: '#calls', docExpansion: 'none', validatorUrl: null });
const add = (parent, name, text, kind) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  if (kind) element.className = kind;
  return parent.appendChild(element);
};
fetch('/asyncapi.json').then((answer) => answer.json()).then(({ channels }) => {
  const root = document.getElementById('sockets');
  for (const { address, description, messages, bindings } of Object.values(channels)) {
    add(root, 'h2', 'WebSocket ' + address);
    add(root, 'p', description);
    add(root, 'h3', 'Query');
    add(add(root, 'details'), 'summary', Object.keys(bindings.ws.query.properties).join(', '));
    add(root.lastChild, 'pre', JSON.stringify(bindings.ws.query, null, 2));
    for (const [action, title] of [['receive', 'What a client sends'], ['send', 'What the server sends']]) {
      add(root, 'h3', title);
      for (const [key, { name, payload, examples = [] }] of Object.entries(messages)) {
        if (!key.startsWith(action)) continue;
        const box = add(root, 'details', '', action);
        add(box, 'summary', name);
        for (const example of examples) add(box, 'pre', JSON.stringify(example.payload));
        add(box, 'pre', JSON.stringify({ ...payload, examples: undefined }, null, 2));
      }
    }
  }
});
`;
