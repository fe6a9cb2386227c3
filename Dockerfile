FROM node:26-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY simulator/package.json simulator/
COPY rig/package.json rig/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY simulator ./simulator
COPY rig ./rig
# The simulator's own dependencies are optional: the product has no use for them.
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:26-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
RUN install -d -o node -g node /files
USER node
EXPOSE 3000
CMD ["node", "dist/src/http/main.js"]
