// The ground under every route: application, route definitions, sessions, problems, OpenAPI, starting and stopping.
export { createApp } from './app.js';
export type { AppOptions } from './app.js';
export type { Door } from './authenticate.js';
export { DEVICE_COOKIE, SESSION_COOKIE } from './cookies.js';
export { readJsonText } from './json-text.js';
export { NDJSON, readLines } from './lines.js';
export type { BodyLine } from './lines.js';
export { API_ROOT } from './mount.js';
export { openApiDocument, problemSchema } from './openapi.js';
export type { OpenApiDocument } from './openapi.js';
export { toGatewayError } from './problems.js';
export type { TranslateError } from './problems.js';
export { bytes, empty, json, lines, routeDefiner } from './route.js';
export type {
  Answer,
  AnswerSpecs,
  AnyAnswer,
  ByteSource,
  Dialect,
  Method,
  Route,
  RouteContext,
  RouteDefinition,
  ServiceCaller,
  UploadSchema,
} from './route.js';
export { webSecurity } from './security.js';
export { closeServer, Lifecycle, listen } from './server.js';
export { siteOf, sourceOf } from './source.js';
export { Channel, CLOSE } from './socket-channel.js';
export { SUBPROTOCOL } from './socket-handshake.js';
export type { SocketListener, SocketLimits } from './socket-channel.js';
export { socketDefiner, Sockets } from './sockets.js';
export type { SocketRoute } from './sockets.js';
