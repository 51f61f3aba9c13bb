/**
 * takes: notices and canaries that gateways send, signed; answers that officers give; requests of browsers
 * gives: a receipt once a notice is stored; answers back to each gateway; the inbox over HTTP
 * keeps: desk.sqlite (alerts, versions told, answers under way, people, sign-ins); evidence as files named by SHA-256
 * never: answers 2xx before it is stored, shows an alert as new twice, lets one gateway touch another's alert
 * spec: interfaces "Notices to recipients"; Standard Webhooks; CloudEvents 1.0; channels/webhook/README.md; dashboard/desk/api.md
 */
export { createInbox, type Inbox, type InboxOptions } from './create-inbox.ts';
export { createAlertQueries, type AlertLine, type AlertQueries } from './alert-queries.ts';
export { createAnswers, type AnswerResult, type Answers } from './answers.ts';
export { inboxMigrations } from './migrations.ts';
export type { KnownGateway } from './receiver.ts';
export { createInboxUsers, type InboxUsers } from './users.ts';
export { generateInboxOpenApi } from './generate-openapi.ts';
