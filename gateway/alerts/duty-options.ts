import { z } from 'zod';
import { idPattern } from '../domain/ids.ts';

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

const timeOfDay = (what: string, allow24: boolean) =>
  z
    .string()
    .regex(
      allow24 ? /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/ : /^([01]\d|2[0-3]):[0-5]\d$/,
      `a time of day such as 08:00${allow24 ? ', at most 24:00' : ''}`,
    )
    .describe(what);
export const localDay = z.iso.date('a day such as 2026-10-01');

/** `duty[]`: when somebody is on duty. Recipients name a calendar; all times are local (`alerts.timeZone`). */
export const dutyOptions = z
  .array(
    z.strictObject({
      id: z
        .string()
        .regex(idPattern, 'letters, digits, dot, dash and underscore, at most 64')
        .describe('Name of the calendar, for recipients[].duty.'),
      shifts: z
        .array(
          z.strictObject({
            days: z
              .array(z.enum(weekdays))
              .min(1)
              .default([...weekdays])
              .describe('Days on which it begins.'),
            from: timeOfDay('When it begins.', false),
            to: timeOfDay('When it ends; an earlier time than `from` is on the next day.', true),
          }),
        )
        .min(1)
        .describe('Hours of duty in every week.'),
      off: z.array(localDay).default([]).describe('Days on which no shift of this calendar begins, such as holidays.'),
    }),
  )
  .default([])
  .superRefine((calendars, context) => {
    calendars.forEach(({ id, shifts }, index) => {
      if (calendars.findIndex((other) => other.id === id) !== index)
        context.addIssue({
          code: 'custom',
          path: [index, 'id'],
          message: `two calendars named ${id}`,
          params: { says: 'fault' },
        });
      shifts.forEach(({ from, to }, shift) => {
        if (from === to)
          context.addIssue({
            code: 'custom',
            path: [index, 'shifts', shift, 'to'],
            message: 'a shift of no length; the whole day is 00:00 to 24:00',
            params: { says: 'fault' },
          });
      });
    });
  })
  .describe('Duty calendars: when a recipient is there; outside of it his stand-in is told.');
export type DutyCalendar = z.output<typeof dutyOptions>[number];
