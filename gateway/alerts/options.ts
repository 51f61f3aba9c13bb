import { z } from 'zod';
import { idPattern, type RecipientId } from '../domain/ids.ts';
import type { Recipient, RecipientEvidence } from '../domain/delivery.ts';
import { departments } from '../domain/match.ts';
import type { TierPolicies } from '../domain/tier.ts';
import { isTimeZone } from '../lib/local-time.ts';
import { durationMs, optionalSizeBytes } from '../lib/quantities.ts';
import { formFor } from './audience.ts';
import { localDay } from './duty-options.ts';

export { dutyOptions } from './duty-options.ts';

/** A deadline, or `none`. Parsed: milliseconds or null. */
function deadline(fallback: string, describe: string) {
  const bounds = { default: fallback === 'none' ? '1d' : fallback, min: '1s', max: '365d', describe };
  return z
    .union([z.literal('none').transform(() => null), durationMs(bounds)], {
      error: 'a duration such as 5m, 4h or 7d between 1s and 365d, or none',
    })
    .prefault(fallback)
    .describe(`${describe} (1s to 365d or none, default ${fallback})`);
}

function tierPolicy(fallback: {
  readonly deliver: string;
  readonly acknowledge: string;
  readonly outcome: string;
  readonly progress: string;
  readonly transfer: string;
}) {
  return z
    .strictObject({
      deliverWithin: deadline(fallback.deliver, 'A delivery counts as late after this long.'),
      acknowledgeWithin: deadline(fallback.acknowledge, 'Someone must have acknowledged by then, else it escalates.'),
      outcomeWithin: deadline(fallback.outcome, 'The outcome must have been told by then, else it escalates.'),
      progressEvery: deadline(
        fallback.progress,
        'While it is in hand a progress note is due this often, until the station says that it is steady.',
      ),
      transferWithin: deadline(
        fallback.transfer,
        'The department that it was transferred to must have acknowledged by then, else it escalates.',
      ),
    })
    .prefault({})
    .transform((policy) => ({
      deliverWithinMs: policy.deliverWithin,
      acknowledgeWithinMs: policy.acknowledgeWithin,
      outcomeWithinMs: policy.outcomeWithin,
      progressEveryMs: policy.progressEvery,
      transferWithinMs: policy.transferWithin,
    }));
}

/** `tiers{…}`: design section 5's table is the default; every figure is a setting. Parsed: `TierPolicies`. */
export const tiersOptions = z
  .strictObject({
    red: tierPolicy({ deliver: '1m', acknowledge: '5m', outcome: '24h', progress: '2h', transfer: '15m' }),
    orange: tierPolicy({ deliver: '24h', acknowledge: '4h', outcome: '72h', progress: 'none', transfer: '4h' }),
    yellow: tierPolicy({ deliver: '48h', acknowledge: '24h', outcome: '7d', progress: 'none', transfer: '24h' }),
    blue: tierPolicy({ deliver: '48h', acknowledge: 'none', outcome: 'none', progress: 'none', transfer: 'none' }),
  })
  .prefault({})
  .transform((tiers): TierPolicies => tiers)
  .describe('How fast an alert of each tier must be delivered, acknowledged and answered.');

const recipientId = z
  .string()
  .regex(idPattern, 'letters, digits, dot, dash and underscore, at most 64, beginning with a letter or digit');

/** `recipients[]`: who is told. Parsed: `Recipient[]`. That each `channel` exists is checked where both are known. */
export const recipientsOptions = z
  .array(
    z
      .strictObject({
        id: recipientId.describe('Stable name of the recipient.'),
        name: z.string().min(1).max(100).describe('The name that people read.'),
        role: z
          .enum(['station', 'department', 'community', 'grid'])
          .describe('station and department get reports, community and grid get notifications.'),
        grid: z.string().nullable().default(null).describe('Only alerts of this grid; absent for all.'),
        department: z
          .enum(departments)
          .nullable()
          .default(null)
          .describe('With role department: which one, so that it is told of its own matters only; absent: of all.'),
        channel: z.string().min(1).describe('Id of the channel in `channels`.'),
        alerts: z
          .boolean()
          .default(true)
          .describe('Whether he is told of alerts; false for a platform that takes passages only.'),
        passages: z.boolean().default(false).describe('Whether he gets each vehicle’s passage.'),
        personPassages: z.boolean().default(false).describe('Whether he gets each person’s passage.'),
        level: z
          .int()
          .min(0)
          .max(9)
          .default(0)
          .describe('0: told at once; n: told only when an alert was escalated n levels beyond others of this role.'),
        perMinute: z
          .int()
          .min(1)
          .max(1000)
          .nullable()
          .default(null)
          .describe(
            'The most that he is sent in a minute, for people whom more would only numb; the rest follows. Red and orange go at once all the same, and count. Absent: no limit.',
          ),
        duty: z.string().nullable().default(null).describe('Id of a duty calendar in `duty`; absent: at all hours.'),
        evidence: z
          .strictObject({
            inlineUpTo: optionalSizeBytes({
              min: '0B',
              max: '4MB',
              describe:
                'Pictures of one delivery up to this size altogether stand in it, the others are named by a link; absent: as the channel has it',
            }),
            linkFor: durationMs({
              default: '7d',
              min: '10m',
              max: '30d',
              describe: 'How long a link to a picture or clip is good; at least half of it is left where it came late',
            }),
            legalBasis: z
              .string()
              .min(8)
              .max(500)
              .optional()
              .describe(
                'Law, order or agreement under which he may be shown faces: he gets links to pictures as the camera saw them, and to clips; it stands in the audit log with each look. Absent: faces blurred, no clips.',
              ),
          })
          .prefault({})
          .transform((evidence): RecipientEvidence => ({
            inlineUpToBytes: evidence.inlineUpTo ?? null,
            linkForMs: evidence.linkFor,
            legalBasis: evidence.legalBasis ?? null,
          }))
          .describe('How pictures and clips reach him; links need api.publicUrl.'),
        away: z
          .array(
            z
              .strictObject({ from: localDay.describe('First day.'), to: localDay.describe('Last day.') })
              .refine(({ from, to }) => from <= to, 'the first day must not be after the last'),
          )
          .default([])
          .describe('Days of absence, both ends included.'),
        standIns: z
          .array(recipientId)
          .default([])
          .describe('Recipients who are told in his place while he is off duty or away: the first who is there.'),
      })
      .transform((recipient): Recipient => ({
        ...recipient,
        id: recipient.id as RecipientId,
        standIns: recipient.standIns.map((id) => id as RecipientId),
      })),
  )
  .default([])
  .superRefine((recipients, context) => {
    const seen = new Set<string>();
    recipients.forEach(({ id }, index) => {
      if (seen.has(id))
        context.addIssue({
          code: 'custom',
          path: [index, 'id'],
          message: `two recipients named ${id}`,
          params: { says: 'fault' },
        });
      seen.add(id);
    });
    const fault = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message, params: { says: 'fault' } });
    recipients.forEach((recipient, index) => {
      if (recipient.department && recipient.role !== 'department')
        fault([index, 'department'], `belongs to the role department, not ${recipient.role}`);
      recipient.standIns?.forEach((id, place) => {
        const standIn = recipients.find((other) => other.id === id);
        const path = [index, 'standIns', place];
        if (!standIn) fault(path, `there is no recipient ${id}`);
        else if (standIn === recipient) fault(path, 'nobody stands in for himself');
        else if (formFor(standIn.role) !== formFor(recipient.role))
          fault(
            path,
            `${id} stands on the other side: a report needs a station or department, a notification the rest`,
          );
      });
    });
  })
  .describe('Who is told, in what role, over which channel.');

/** `alerts{…}`: how an alert is followed up. */
export const alertsOptions = z.strictObject({
  timeZone: z
    .string()
    .refine(isTimeZone, 'an IANA time zone such as Asia/Shanghai')
    .default('Asia/Shanghai')
    .describe('Zone of every time told to recipients, and of the digest (IANA name).'),
  countNewsEvery: durationMs({
    default: '1m',
    min: '1s',
    max: '1d',
    describe: 'Recipients hear of mere repeats at most this often, and ever more rarely the longer it goes on.',
  }),
  reopenAfter: durationMs({
    default: '5m',
    min: '0s',
    max: '7d',
    describe: 'A repeat this long after the outcome opens the alert again; an earlier one is only counted.',
  }),
  revisitAfter: durationMs({
    default: '3d',
    min: '1s',
    max: '90d',
    describe: 'How long after the outcome of a red or orange alert a revisit is asked for, and asked for again.',
  }),
  feedbackWithin: durationMs({
    default: '24h',
    min: '1m',
    max: '90d',
    describe: 'How long after the outcome of a red or orange alert both sides must have answered, else it escalates.',
  }),
  maxEscalations: z
    .int()
    .min(0)
    .max(10)
    .default(3)
    .describe('How many levels one alert is escalated at most; each level is told once.'),
  closeQuietAfter: durationMs({
    default: '7d',
    min: '1m',
    max: '365d',
    describe: 'An alert that nobody has to answer (blue) closes by itself after this long without a repeat.',
  }),
  digestAt: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 08:00')
    .default('08:00')
    .describe('When blue notices of the day before are sent, in one digest a recipient (HH:MM in timeZone).'),
  canary: z
    .strictObject({
      every: durationMs({
        default: '1m',
        min: '1s',
        max: '1h',
        describe: 'How often the way to each recipient is tried end to end, with a receipt; nobody is shown it.',
      }),
      within: durationMs({
        default: '40s',
        min: '100ms',
        max: '10m',
        describe: 'A way that gave no receipt for this long counts as broken.',
      }),
    })
    .prefault({})
    .describe('Canaries: whether the ways to the recipients are open.'),
});
export type AlertsOptions = z.output<typeof alertsOptions>;
