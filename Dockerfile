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
RUN npm run build

# Only the product's own dependencies: without the folders of simulator and rig npm leaves out what
# they depend on, which `npm prune` would keep.
FROM node:26-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:26-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
RUN install -d -o node -g node /files
USER node
EXPOSE 3000
CMD ["node", "dist/src/http/main.js"]
