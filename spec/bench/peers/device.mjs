// A fake: a device behind HTTP. GET /status answers, GET /stats counts.
import http from 'node:http';

const body = Buffer.from('{"code":200,"message":"PASS"}');
let requests = 0;
const server = http.createServer((request, response) => {
  if (request.url === '/stats') return response.end(JSON.stringify({ requests }));
  requests += 1;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
