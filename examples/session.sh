#!/usr/bin/env bash
# A session's life with curl. Needs a running server (npm start) and the devices (npx tsx examples/devices.ts);
# `npm run demo` is both. Sentences go over the WebSocket: client.ts says one.
set -euo pipefail
cd "$(dirname "$0")"
server=${SERVER:-http://127.0.0.1:9527/api}
json='content-type: application/json'

echo "version:  $(curl -fsS "$server/version")"

# A document may be sent as a JSON object, so it goes into the body as it is; "server" says where the device really is.
lights="{\"openSpec\": $(cat lights.openapi.json), \"server\": \"${LIGHTS:-http://127.0.0.1:9532}\"}"
body="{\"openSpecList\": [$lights], \"systemPrompt\": \"You look after the lights.\"}"
answer=$(curl -fsS -X POST -H "$json" -d "$body" "$server/init")
id=$(sed -E 's/.*"id" *: *"([^"]+)".*/\1/' <<<"$answer")
echo "session:  $id"

SERVER=${server/#http/ws} npx tsx client.ts "$id" 'Turn on the light in the kitchen'

echo "history:  $(curl -fsS "$server/history?id=$id")"
echo "stop:     $(curl -fsS -X POST "$server/stop?id=$id")"
echo "clear:    $(curl -fsS -X POST "$server/clear?id=$id")"
