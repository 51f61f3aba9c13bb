/** The shift: hand-over sheet, duty list; and the figures of a month. */
import { z } from 'zod';
import { tiers } from '../domain/tier.ts';
import { deskAlertSchema } from './shapes.ts';

const time = z.iso.datetime().describe('RFC 3339 in UTC');

export const dutyEntrySchema = z.object({
  id: z.string(),
  startsAt: time,
  endsAt: time,
  people: z.array(z.string()).describe('On duty; names of users or not'),
  leader: z.string().nullable().describe('带班领导'),
  note: z.string(),
});
export type DutyEntry = z.infer<typeof dutyEntrySchema>;

export const dutyPutSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{8,64}$/)
      .describe('Made by the page; the same id again replaces the entry'),
    startsAt: z.iso.datetime({ offset: true }),
    endsAt: z.iso.datetime({ offset: true }),
    people: z.array(z.string().trim().min(1).max(50)).min(1).max(50),
    leader: z.string().trim().min(1).max(50).nullable().default(null),
    note: z.string().trim().max(500).default(''),
  })
  .refine(({ startsAt, endsAt }) => Date.parse(startsAt) < Date.parse(endsAt), {
    path: ['endsAt'],
    message: 'must be after startsAt',
  });
export const dutyQuerySchema = z.strictObject({
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});

export const handoverSchema = z.object({
  id: z.string(),
  at: time,
  from: z.string(),
  to: z.string(),
  note: z.string(),
  open: z.int().describe('Open alerts handed over'),
  unanswered: z.int(),
});
export const handoverRequestSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{8,64}$/),
  to: z.string().trim().min(1).max(100).describe('Who takes over; a name'),
  note: z.string().trim().max(4000).default(''),
});

/** Everything that the next shift must know, at one moment; to be printed. */
export const shiftSheetSchema = z.object({
  at: time,
  onDuty: z.array(dutyEntrySchema),
  next: dutyEntrySchema.nullable(),
  lastHandover: handoverSchema.nullable(),
  counts: z.object({
    open: z.int(),
    unanswered: z.int(),
    overdue: z.int(),
    byTier: z.record(z.enum(tiers), z.int()),
    sinceHandover: z.object({ raised: z.int(), resolved: z.int(), falseAlarms: z.int(), transferred: z.int() }),
  }),
  open: z.array(deskAlertSchema).describe('Open matters, worst first; at most 200'),
  due: z
    .array(z.object({ alertId: z.string(), at: time, overdue: z.boolean() }))
    .describe('Deadlines up to dueWithinH from now and those missed, soonest first; the alerts stand in `open`'),
  dueWithinH: z.int(),
  waitingAnswers: z.int().describe('Answers that no gateway has stored yet'),
  gateways: z
    .array(z.object({ id: z.string(), name: z.string(), state: z.string(), lastHeardAt: time.nullable() }))
    .describe('Only those that are not well'),
});
export type ShiftSheet = z.infer<typeof shiftSheetSchema>;
export const shiftQuerySchema = z.strictObject({ dueWithinH: z.coerce.number().int().min(1).max(72).default(8) });

const spread = z
  .object({ n: z.int(), meanMs: z.number().nullable(), p90Ms: z.number().nullable().describe('Nearest rank') })
  .describe('Over those alerts in which it happened');
export const figureLineSchema = z.object({
  key: z.string(),
  name: z.string(),
  raised: z.int(),
  byTier: z.record(z.enum(tiers), z.int()),
  inTime: z.int().describe('Outcome told or ended, no deadline missed'),
  late: z.int().describe('At least one deadline missed'),
  pending: z.int().describe('Neither yet'),
  acknowledgedLate: z.int(),
  outcomeLate: z.int(),
  transferred: z.int(),
  falseAlarms: z.int(),
  drills: z.int(),
  escalated: z.int(),
  acknowledged: spread.describe('From raised to the first acknowledgement'),
  resolved: spread.describe('From raised to the outcome'),
});
export type FigureLine = z.infer<typeof figureLineSchema>;
export const deskFiguresSchema = z.object({
  month: z.string().describe('2026-11, in the time zone of the station'),
  from: time,
  to: time,
  whole: z.boolean().describe('False while the month still runs'),
  total: figureLineSchema,
  before: figureLineSchema.describe('The same of the month before'),
  byGateway: z.array(figureLineSchema),
  byGrid: z.array(figureLineSchema),
  byDepartment: z.array(figureLineSchema).describe('In whose hands: whom it was last transferred to, else the station'),
});
export type DeskFigures = z.infer<typeof deskFiguresSchema>;
export const figuresQuerySchema = z.strictObject({
  month: z
    .string()
    .regex(/^\d{4}-(0[1-9]|1[0-2])$/)
    .describe('2026-11'),
});
export type DutyPut = z.output<typeof dutyPutSchema>;
export type Handover = z.infer<typeof handoverSchema>;
export type HandoverRequest = z.output<typeof handoverRequestSchema>;
