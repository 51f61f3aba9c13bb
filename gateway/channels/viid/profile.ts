/** What differs from city to city, as data: spelling, codes, further fields. */
import { z } from 'zod';
import { plateKinds, type PlateColor, type PlateKind } from '../../domain/plate.ts';

const fields = (of: string) =>
  z
    .record(z.string().min(1).max(64), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe(`Fields that the platform wants in every ${of} beyond the standard, with their fixed values`);
const code = z.string().regex(/^\d{1,2}$/, 'a code of one or two digits');

/** One city's ways. Every field has the standard's value as its default. */
export const profileSchema = z.strictObject({
  booleans: z
    .enum(['json', 'digits'])
    .default('json')
    .describe('How yes and no are written: true and false, or "1" and "0"'),
  times: z
    .enum(['seconds', 'milliseconds'])
    .default('seconds')
    .describe('Times of 14 digits, or of 17 with milliseconds'),
  authorizationUri: z
    .enum(['path', 'url'])
    .default('path')
    .describe('What stands as uri in the Authorization header: the path, as the standard has it, or the whole address'),
  apesMethod: z.enum(['PUT', 'POST']).default('PUT').describe('How cameras are reported to /VIID/APEs'),
  plateClass: z
    .partialRecord(z.enum(plateKinds), code)
    .default({})
    .describe('PlateClass by kind of plate where the platform wants another than GA/T 16.7 has'),
  plateColor: z
    .partialRecord(z.enum(plateKinds), code)
    .default({})
    .describe(
      'PlateColor by kind of plate where the platform wants another than the colour seen, such as 6 for nev-large',
    ),
  directionField: z
    .string()
    .min(1)
    .max(64)
    .nullable()
    .default(null)
    .describe('Name of a further field that says in or out, such as InOut; absent: none'),
  motorVehicle: fields('MotorVehicleObject'),
  nonMotorVehicle: fields('NonMotorVehicleObject'),
  face: fields('FaceObject'),
  ape: fields('APEObject'),
});
export type Profile = z.output<typeof profileSchema>;

/** Ready ones. A city's own fields carry ids that only its station knows, so those are given in the configuration. */
export const profiles = {
  standard: profileSchema.parse({}),
  // 智安小区 of Ningbo: a field for in and out (standards.md 1.7, one sample).
  ningbo: profileSchema.parse({ directionField: 'InOut' }),
} as const satisfies Record<string, Profile>;

/** GA/T 16.7 as quoted in standards.md 1.8; what has no class of its own is 99. */
const plateClasses: Readonly<Record<PlateKind, string>> = {
  small: '02',
  large: '01',
  'nev-small': '52',
  'nev-large': '51',
  police: '23',
  embassy: '03',
  consulate: '04',
  'hk-macao': '26',
  'armed-police': '31',
  military: '32',
  trailer: '15',
  school: '16',
  aviation: '99',
  temporary: '22',
  ebike: '99',
  unknown: '99',
};
/** ColorType (standards.md 1.8). A yellow-green plate is green there. */
const colorTypes: Readonly<Record<PlateColor, string>> = {
  black: '1',
  white: '2',
  blue: '5',
  yellow: '6',
  green: '9',
  'yellow-green': '9',
};
/** ColorType and PlateClass of what was not seen. */
export const otherCode = '99';

export function plateClassOf(plate: { readonly text: string; readonly kind: PlateKind }, profile: Profile): string {
  const own = profile.plateClass[plate.kind];
  if (own !== undefined) return own;
  return plate.kind === 'hk-macao' && plate.text.endsWith('澳') ? '27' : plateClasses[plate.kind];
}

export function plateColorOf(
  plate: { readonly kind: PlateKind; readonly color: PlateColor },
  profile: Profile,
): string {
  return profile.plateColor[plate.kind] ?? colorTypes[plate.color];
}
