/**
 * takes: requests of browsers, scripts and the command line; reads of the store; stored changes for the live feed
 * gives: JSON under /api, a live feed, pictures, clips, live video, /health, /metrics, /openapi.json, the dashboard's pages
 * keeps: nothing of its own; logins are rows of the store
 * never: acts without a role, shows a face or logs a plate unasked, lets a slow browser hold anything up
 * spec: OpenAPI 3.1 (gateway/api/openapi.json); design sections 2 and 7; server-sent events (HTML, 9.2)
 */
export { createApi, type Api } from './create-api.ts';
export { apiOptions, type ApiOptions } from './options.ts';
export { createVideoFeed, type VideoFeed } from './video-feed.ts';
export { createLiveFeed, type LiveFeed, type LiveNews } from './live-feed.ts';
export { generateOpenApi } from './generate-openapi.ts';
export { cookieName, controlHeader } from './sign-in.ts';
export type {
  AlertQuery,
  ApiCollaborators,
  ApiReads,
  ApiWaysOut,
  CameraReport,
  Cursor,
  DeliveryCounts,
  EvidenceReader,
  HealthPart,
  HealthReport,
  PassageQuery,
  QuarantinedMessage,
  QuarantineQuery,
  SharedLinks,
  SessionQuery,
  UserVerifier,
  Verification,
} from './collaborators.ts';
