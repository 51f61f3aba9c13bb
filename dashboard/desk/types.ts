/** What the desk's page knows of the desk's JSON (gateway/inbox/http/README.md), from the desk's own schemas. */
import type { z } from 'zod';
import type { planPointSchema, planSchema } from '../../gateway/inbox/shapes-gateways.ts';
import type { invitationSchema, invitedSchema } from '../../gateway/inbox/shapes-gateways.ts';
import type {
  auditRowSchema,
  auditVerdictSchema,
  officerSchema,
  pushKeySchema,
  recoveryCodesSchema,
  secondFactorOfferSchema,
  secondFactorSchema,
  userAddedSchema,
} from '../../gateway/inbox/shapes-people.ts';
import type { aroundSchema } from '../../gateway/inbox/shapes-search.ts';
import type { handoverSchema } from '../../gateway/inbox/shapes-shift.ts';

export type { DeskAlert, DeskAlertDetail, DeskFeedback, Relay } from '../../gateway/inbox/shapes.ts';
export type { DeskGateway } from '../../gateway/inbox/shapes-gateways.ts';
export type { DeskUser, PushMessage } from '../../gateway/inbox/shapes-people.ts';
export type { DeskPassage, SearchHit } from '../../gateway/inbox/shapes-search.ts';
export type { DeskFigures, DutyEntry, FigureLine, ShiftSheet } from '../../gateway/inbox/shapes-shift.ts';
export type { DeskRole } from '../../gateway/inbox/roles.ts';
export type Plan = z.infer<typeof planSchema>;
export type PlanPoint = z.infer<typeof planPointSchema>;
export type Invitation = z.infer<typeof invitationSchema>;
export type Invited = z.infer<typeof invitedSchema>;
export type Around = z.infer<typeof aroundSchema>;
export type Handover = z.infer<typeof handoverSchema>;
export type Officer = z.infer<typeof officerSchema>;
export type AuditRow = z.infer<typeof auditRowSchema>;
export type AuditVerdict = z.infer<typeof auditVerdictSchema>;
export type PushKey = z.infer<typeof pushKeySchema>;
export type SecondFactor = z.infer<typeof secondFactorSchema>;
export type SecondFactorOffer = z.infer<typeof secondFactorOfferSchema>;
export type RecoveryCodes = z.infer<typeof recoveryCodesSchema>;
export type UserAdded = z.infer<typeof userAddedSchema>;
