/**
 * What a platform may ask of GA/T 1400 objects, as strict as the standard is quoted: required fields, lengths, ids that are
 * built by the rules, times of 14 digits. Written from the tables, apart from the gateway's own code, so that both would
 * have to be wrong in the same way.
 */
import { z } from 'zod';

const digits = (count: number) => z.string().regex(new RegExp(`^\\d{${count}}$`), `${count} digits`);
const text = (most: number) => z.string().max(most);
/** A local time that exists. */
export const time = z.string().refine((value) => {
  const found = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{3})?$/.exec(value);
  if (!found) return false;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
}, 'a time of 14 or 17 digits');
const color = z.string().regex(/^([1-9]|1[0-3]|99)$/, 'ColorType');
const plateClass = z.string().regex(/^(0[1-9]|1\d|2[0-7]|31|32|51|52|99)$/, 'PlateClass');
const pixels = z.int().min(0);
/** JPEG by its first bytes. */
const jpeg = z
  .base64()
  .refine((value) => Buffer.from(value.slice(0, 8), 'base64').readUInt16BE(0) === 0xffd8, 'a JPEG');

const subImage = z.looseObject({
  ImageID: digits(41).refine((id) => id.slice(20, 22) === '02', 'subtype 02 of a picture'),
  EventSort: z.int(),
  DeviceID: digits(20).optional(),
  StoragePath: text(256).optional(),
  Type: z.enum(['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14', '100']),
  FileFormat: z.literal('Jpeg'),
  ShotTime: time,
  Width: pixels,
  Height: pixels,
  Data: jpeg.optional(),
});
const subImages = z.object({ SubImageInfoObject: z.array(subImage) }).optional();
const automatic = { InfoKind: z.literal(1), SourceID: digits(41), DeviceID: digits(20) };
const rectangle = {
  LeftTopX: pixels.optional(),
  LeftTopY: pixels.optional(),
  RightBtmX: pixels.optional(),
  RightBtmY: pixels.optional(),
};

/** The id of an object seen in a picture: that picture's id, the subtype, five digits. */
function builtFrom(
  value: { SourceID: string; DeviceID: string; SubImageList?: z.infer<typeof subImages> },
  id: string,
  subtype: string,
): boolean {
  const pictures = value.SubImageList?.SubImageInfoObject ?? [];
  const ids = pictures.map(({ ImageID }) => ImageID);
  return (
    id.startsWith(value.SourceID) &&
    id.slice(41, 43) === subtype &&
    value.SourceID.startsWith(value.DeviceID) &&
    new Set(ids).size === ids.length &&
    (ids.length === 0 || ids.includes(value.SourceID))
  );
}

const bool = z.union([z.boolean(), z.enum(['0', '1'])]);
const plate = {
  HasPlate: bool,
  PlateClass: plateClass,
  PlateColor: color,
  PlateNo: z.string().min(1).max(15),
};

export const motorVehicle = z
  .looseObject({
    MotorVehicleID: digits(48),
    ...automatic,
    TollgateID: digits(20).optional(),
    StorageUrl1: text(256),
    ...rectangle,
    MarkTime: time.optional(),
    AppearTime: time.optional(),
    DisappearTime: time.optional(),
    PassTime: time,
    LaneNo: z.int().optional(),
    ...plate,
    Direction: z
      .string()
      .regex(/^[1-9]$/)
      .optional(),
    VehicleColor: color,
    PlateReliability: z
      .string()
      .regex(/^(100|\d{1,2})$/)
      .optional(),
    PlateCharReliability: text(64).optional(),
    SubImageList: subImages,
  })
  .refine((value) => builtFrom(value, value.MotorVehicleID, '02'), 'MotorVehicleID is not built by the rules');

export const nonMotorVehicle = z
  .looseObject({
    NonMotorVehicleID: digits(48),
    ...automatic,
    ...rectangle,
    ...plate,
    PlateClass: z.literal('99'),
    VehicleColor: color,
    SubImageList: subImages,
  })
  .refine((value) => builtFrom(value, value.NonMotorVehicleID, '03'), 'NonMotorVehicleID is not built by the rules');

const uncertain = z.literal(2);
/** Beyond the table: a gateway has no ground to say who a person is, so a name or a document is refused. */
export const face = z
  .looseObject({
    FaceID: digits(48),
    ...automatic,
    ...rectangle,
    IsSuspectedTerrorist: uncertain,
    IsCriminalInvolved: uncertain,
    IsDetainees: uncertain,
    IsVictim: uncertain,
    IsSuspiciousPerson: uncertain,
    IDType: z.undefined().optional(),
    IDNumber: z.undefined().optional(),
    Name: z.undefined().optional(),
    SubImageList: subImages,
  })
  .refine((value) => builtFrom(value, value.FaceID, '06'), 'FaceID is not built by the rules');

export const ape = z.looseObject({
  ApeID: digits(20),
  Name: z.string().min(1).max(100),
  Model: text(100),
  IPAddr: text(30),
  Port: z.int(),
  PlaceCode: digits(6).optional(),
  OrgCode: digits(12).optional(),
  IsOnline: z.enum(['1', '2', '9']),
  UserId: z.literal(''),
  Password: z.literal(''),
});
const apeStatus = z.looseObject({ ApeID: digits(20), IsOnline: z.enum(['1', '2', '9']), CurrentTime: time });

const business = (subtype: string) =>
  digits(33).refine((id) => id.slice(12, 14) === subtype, `subtype ${subtype} of a business object`);

export const subscribeNotification = z
  .strictObject({
    NotificationID: business('04'),
    SubscribeID: z.string().min(1),
    Title: z.string(),
    TriggerTime: time,
    InfoIDs: z.string(),
    MotorVehicleObjectList: z.object({ MotorVehicleObject: z.array(motorVehicle) }).optional(),
    NonMotorVehicleObjectList: z.object({ NonMotorVehicleObject: z.array(nonMotorVehicle) }).optional(),
    FaceObjectList: z.object({ FaceObject: z.array(face) }).optional(),
    DeviceList: z.object({ APEObject: z.array(ape) }).optional(),
    DeviceStatusList: z.object({ APEStatusObject: z.array(apeStatus) }).optional(),
  })
  .refine((value) => Object.keys(value).length === 6, 'exactly one list');

export const dispositionNotification = z
  .looseObject({
    NotificationID: business('02'),
    DispositionID: z.string().min(1),
    Title: z.string(),
    TriggerTime: time,
    CntObjectID: digits(48),
    MotorVehicleObject: motorVehicle.optional(),
    NonMotorVehicleObject: nonMotorVehicle.optional(),
  })
  .refine(
    ({ CntObjectID, MotorVehicleObject: motor, NonMotorVehicleObject: other }) =>
      CntObjectID === (motor?.MotorVehicleID ?? other?.NonMotorVehicleID),
    'CntObjectID is that of the object',
  );

/** Where what is posted, under which names, and by which field an object is known. */
export const collections = [
  {
    uri: '/VIID/MotorVehicles',
    list: 'MotorVehicleListObject',
    object: 'MotorVehicleObject',
    id: 'MotorVehicleID',
    schema: motorVehicle,
  },
  {
    uri: '/VIID/NonMotorVehicles',
    list: 'NonMotorVehicleListObject',
    object: 'NonMotorVehicleObject',
    id: 'NonMotorVehicleID',
    schema: nonMotorVehicle,
  },
  { uri: '/VIID/Faces', list: 'FaceListObject', object: 'FaceObject', id: 'FaceID', schema: face },
  { uri: '/VIID/APEs', list: 'APEListObject', object: 'APEObject', id: 'ApeID', schema: ape },
  {
    uri: '/VIID/SubscribeNotifications',
    list: 'SubscribeNotificationListObject',
    object: 'SubscribeNotificationObject',
    id: 'NotificationID',
    schema: subscribeNotification,
  },
  {
    uri: '/VIID/DispositionNotifications',
    list: 'DispositionNotificationListObject',
    object: 'DispositionNotificationObject',
    id: 'NotificationID',
    schema: dispositionNotification,
  },
] as const;
