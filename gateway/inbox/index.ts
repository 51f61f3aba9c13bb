/**
 * takes: notices, passages and canaries that gateways send, signed; answers that officers give; requests of browsers
 * gives: a receipt once it is stored; answers back to each gateway; the inbox, shift, figures and search over HTTP; pushes
 * keeps: desk.sqlite or PostgreSQL (alerts, versions told, answers under way, people, keys, audit chain); evidence as sealed files
 * never: answers 2xx before it is stored, shows an alert as new twice, lets one gateway touch another's alert
 * spec: interfaces "Notices to recipients"; Standard Webhooks; CloudEvents 1.0; channels/webhook/README.md; README.md; http/README.md
 */
export { createInbox, type Inbox, type InboxOptions } from './create-inbox.ts';
export { createAlertQueries, type AlertLine, type AlertQueries } from './alert-queries.ts';
export { createAnswers, type AnswerResult, type Answers } from './answers.ts';
export { createAudit, type Audit } from './audit.ts';
export type { DeskData } from './data/desk-data.ts';
export { createPostgresData } from './data/postgres-data.ts';
export { createSqliteData } from './data/sqlite-data.ts';
export { loadDeskKeys, type DeskKeys } from './desk-key.ts';
export { createGatewayBook, type GatewayBook } from './gateway-book.ts';
export { createInvites, type Invites } from './invites.ts';
export type { KnownGateway } from './receiver.ts';
export { deskRoles, parseDeskRole, type DeskRole } from './roles.ts';
export { createSecondFactor, type SecondFactor } from './second-factor.ts';
export { createInboxUsers, type InboxUsers } from './users.ts';
export { generateInboxOpenApi } from './generate-openapi.ts';
