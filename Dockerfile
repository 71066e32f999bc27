# The server as an image without a shell: docker build -t lite-agent .
# A command line: docker exec CONTAINER /nodejs/bin/node bin/lite-agent.mjs doctor
FROM node:22-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
# Most packages are in the bundle; the image gets the rest.
RUN npm run build && node .ci/image.mjs image/node_modules && mkdir data

FROM gcr.io/distroless/nodejs22-debian12:nonroot
WORKDIR /app
COPY --from=build /app/package.json /app/README.md /app/CHANGELOG.md ./
COPY --from=build /app/image/node_modules node_modules
COPY --from=build /app/bin/lite-agent.mjs bin/
COPY --from=build /app/dist dist
COPY --from=build /app/examples examples
COPY --from=build /app/lib/docs lib/docs
COPY --from=build /app/lib/openspec/openmodbus/README.md lib/openspec/openmodbus/
COPY --from=build --chown=nonroot:nonroot /app/data data
USER nonroot
ENV HOST=0.0.0.0 NODE_ENV=production
VOLUME /app/data
EXPOSE 9527
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:9527/healthz').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/nodejs/bin/node", "bin/lite-agent.mjs"]
CMD ["serve"]
