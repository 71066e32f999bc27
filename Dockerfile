FROM node:22 AS build
WORKDIR /app
COPY . .
RUN npm ci && npm run build && npm prune --omit=dev

FROM node:22-slim
WORKDIR /app
COPY --from=build --chown=node:node /app/package.json /app/README.md ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/examples examples
COPY --from=build /app/lib/docs lib/docs
COPY --from=build /app/lib/openspec/openmodbus/README.md lib/openspec/openmodbus/
RUN mkdir data && chown node:node data
USER node
ENV HOST=0.0.0.0
VOLUME /app/data
EXPOSE 9527
HEALTHCHECK CMD ["node", "-e", "fetch('http://127.0.0.1:9527/healthz').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/bin/lite-agent.js", "serve"]
