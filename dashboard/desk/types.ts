/** What the desk's page knows of the desk's JSON (dashboard/desk/api.md), from the desk's own schemas. */
export type { DeskAlert, DeskAlertDetail, DeskFeedback, DeskGateway, Relay } from '../../gateway/inbox/shapes.ts';
