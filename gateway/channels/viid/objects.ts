/** The objects of GA/T 1400 (standards.md 1.7 and 1.9), made from what the gateway knows. Pure. */
import type { PassageData } from '../../domain/notice.ts';
import { parseRfc3339 } from '../../lib/local-time.ts';
import type { EpochMs } from '../../lib/clock.ts';
import { imageId, objectId, viidTime } from './ids.ts';
import type { ViidDevice } from './options.ts';
import { otherCode, plateClassOf, plateColorOf, type Profile } from './profile.ts';

export type ViidObject = Readonly<Record<string, unknown>>;

/** A picture ready to be sent. `type` is SubImageInfo.Type: 01 vehicle, 02 plate, 11 face, 14 scene. */
export interface ObjectPicture {
  readonly type: '01' | '02' | '11' | '14';
  readonly jpeg: Uint8Array;
  readonly widthPx: number;
  readonly heightPx: number;
}

export interface ObjectContext {
  readonly device: ViidDevice;
  readonly profile: Profile;
  readonly timeZone: string;
}

export interface BuiltObject {
  readonly kind: 'motorVehicle' | 'nonMotorVehicle' | 'face';
  readonly id: string;
  readonly body: ViidObject;
}

/** Below this a character of a plate that is not sure enough for the log is told as unread (`-`). */
const readCharacter = 0.5;
const opposite: Readonly<Record<string, string>> = {
  ...{ '1': '2', '2': '1', '3': '4', '4': '3', '5': '6', '6': '5', '7': '8', '8': '7', '9': '9' },
};

/** Vehicle, e-bike or face of a passage. `pictures` come with the whole one first. Throws RangeError where `at` is no time. */
export function objectOf(
  passage: PassageData,
  pictures: readonly ObjectPicture[],
  context: ObjectContext,
): BuiltObject {
  if (passage.subject === 'person') return faceOf(passage, pictures, context);
  return passage.plate?.kind === 'ebike'
    ? nonMotorVehicleOf(passage, pictures, context)
    : motorVehicleOf(passage, pictures, context);
}

const timeOf = (text: string): EpochMs => {
  const at = parseRfc3339(text);
  if (at === null) throw new RangeError(`not a time: ${text}`);
  return at;
};

const booleanOf = (value: boolean, { booleans }: Profile): unknown => (booleans === 'json' ? value : value ? '1' : '0');

function identified(passage: PassageData, kind: BuiltObject['kind'], { device, timeZone }: ObjectContext) {
  const at = timeOf(passage.at);
  const source = imageId(device.id, at, timeZone, passage.passageId);
  return { at, source, id: objectId(source, kind) };
}

/** SubImageList; every picture has an id of its own, the whole one that of SourceID. */
function subImages(
  passage: PassageData,
  pictures: readonly ObjectPicture[],
  eventSort: number,
  { device, profile, timeZone }: ObjectContext,
): ViidObject {
  if (pictures.length === 0) return {};
  const at = timeOf(passage.at);
  return {
    SubImageList: {
      SubImageInfoObject: pictures.map(({ type, jpeg, widthPx, heightPx }, index) => ({
        ImageID: imageId(device.id, at, timeZone, passage.passageId, index),
        EventSort: eventSort,
        DeviceID: device.id,
        StoragePath: '',
        Type: type,
        FileFormat: 'Jpeg',
        ShotTime: viidTime(at, timeZone, profile.times),
        Width: widthPx,
        Height: heightPx,
        Data: Buffer.from(jpeg).toString('base64'),
      })),
    },
  };
}

/** Corners in px of the whole picture; nothing where it is not known where in it the plate or face stands. */
function corners({ boxPx }: PassageData): ViidObject {
  if (!boxPx) return {};
  const [left, top, width, height] = boxPx.map(Math.round) as [number, number, number, number];
  return { LeftTopX: left, LeftTopY: top, RightBtmX: left + width, RightBtmY: top + height };
}

function plateFields({ plate }: PassageData, profile: Profile): ViidObject {
  if (!plate)
    return {
      HasPlate: booleanOf(false, profile),
      PlateClass: otherCode,
      PlateColor: otherCode,
      PlateNo: '未识别',
    };
  const characters = Array.from(plate.text);
  const sureOf = (index: number): number => plate.characters[index] ?? plate.confidence;
  return {
    HasPlate: booleanOf(true, profile),
    PlateClass: plateClassOf(plate, profile),
    PlateColor: plateColorOf(plate, profile),
    PlateNo: plate.accepted
      ? plate.text
      : characters.map((character, index) => (sureOf(index) < readCharacter ? '-' : character)).join(''),
  };
}

const percent = (ratio: number): string => String(Math.round(ratio * 100));

function motorVehicleOf(passage: PassageData, pictures: readonly ObjectPicture[], context: ObjectContext): BuiltObject {
  const { device, profile, timeZone } = context;
  const { at, source, id } = identified(passage, 'motorVehicle', context);
  const time = (text: string): string => viidTime(timeOf(text), timeZone, profile.times);
  const { plate, direction } = passage;
  const heading = device.inwards === undefined || direction === 'unknown' ? undefined : device.inwards;
  const body = {
    MotorVehicleID: id,
    InfoKind: 1,
    SourceID: source,
    ...(device.tollgateId !== undefined && { TollgateID: device.tollgateId }),
    DeviceID: device.id,
    StorageUrl1: '',
    ...corners(passage),
    MarkTime: viidTime(at, timeZone, profile.times),
    AppearTime: time(passage.startedAt),
    DisappearTime: time(passage.endedAt),
    PassTime: viidTime(at, timeZone, profile.times),
    LaneNo: device.laneNo,
    ...plateFields(passage, profile),
    ...(heading !== undefined && { Direction: direction === 'in' ? heading : (opposite[heading] ?? '9') }),
    VehicleColor: otherCode,
    ...(plate && {
      PlateReliability: percent(plate.confidence),
      PlateCharReliability: Array.from(plate.text, (character, index) => {
        return `${character}-${percent(plate.characters[index] ?? plate.confidence)}`;
      }).join(','),
    }),
    ...directionField(passage, profile),
    ...profile.motorVehicle,
    ...subImages(passage, pictures, 16, context),
  };
  return { kind: 'motorVehicle', id, body };
}

function nonMotorVehicleOf(
  passage: PassageData,
  pictures: readonly ObjectPicture[],
  context: ObjectContext,
): BuiltObject {
  const { device, profile, timeZone } = context;
  const { at, source, id } = identified(passage, 'nonMotorVehicle', context);
  const time = (text: string): string => viidTime(timeOf(text), timeZone, profile.times);
  const body = {
    NonMotorVehicleID: id,
    InfoKind: 1,
    SourceID: source,
    DeviceID: device.id,
    ...corners(passage),
    MarkTime: viidTime(at, timeZone, profile.times),
    AppearTime: time(passage.startedAt),
    DisappearTime: time(passage.endedAt),
    ...plateFields(passage, profile),
    VehicleColor: otherCode,
    ...directionField(passage, profile),
    ...profile.nonMotorVehicle,
    ...subImages(passage, pictures, 16, context),
  };
  return { kind: 'nonMotorVehicle', id, body };
}

/** 2 = uncertain: the gateway has no ground to say anything about the person. Name and documents are never sent. */
const uncertain = {
  IsDriver: 2,
  IsForeigner: 2,
  IsSuspectedTerrorist: 2,
  IsCriminalInvolved: 2,
  IsDetainees: 2,
  IsVictim: 2,
  IsSuspiciousPerson: 2,
};

function faceOf(passage: PassageData, pictures: readonly ObjectPicture[], context: ObjectContext): BuiltObject {
  const { device, profile, timeZone } = context;
  const { at, source, id } = identified(passage, 'face', context);
  const time = (text: string): string => viidTime(timeOf(text), timeZone, profile.times);
  const body = {
    FaceID: id,
    InfoKind: 1,
    SourceID: source,
    DeviceID: device.id,
    ...corners(passage),
    LocationMarkTime: viidTime(at, timeZone, profile.times),
    FaceAppearTime: time(passage.startedAt),
    FaceDisAppearTime: time(passage.endedAt),
    ...uncertain,
    ...directionField(passage, profile),
    ...profile.face,
    ...subImages(passage, pictures, 10, context),
  };
  return { kind: 'face', id, body };
}

function directionField({ direction }: PassageData, { directionField: name }: Profile): ViidObject {
  return name === null || direction === 'unknown' ? {} : { [name]: direction };
}

/** A camera as the platform lists it. The camera's own name and password never go out (standards.md 1.7). */
export function apeOf(
  camera: { readonly name: string; readonly connected: boolean },
  device: ViidDevice,
  context: { readonly gatewayId: string; readonly orgCode: string; readonly profile: Profile },
): ViidObject {
  return {
    ApeID: device.id,
    Name: device.name ?? camera.name,
    Model: device.model,
    IPAddr: device.ipAddress,
    Port: device.port,
    ...(device.longitude !== undefined && { Longitude: device.longitude }),
    ...(device.latitude !== undefined && { Latitude: device.latitude }),
    ...(device.placeCode !== undefined && { PlaceCode: device.placeCode }),
    ...(device.place !== undefined && { Place: device.place }),
    OrgCode: context.orgCode,
    CapDirection: 0,
    IsOnline: camera.connected ? '1' : '2',
    OwnerApsID: context.gatewayId,
    UserId: '',
    Password: '',
    FunctionType: device.functionType,
    ...context.profile.ape,
  };
}

const listNames = {
  motorVehicle: { uri: '/VIID/MotorVehicles', list: 'MotorVehicleListObject', object: 'MotorVehicleObject' },
  nonMotorVehicle: {
    uri: '/VIID/NonMotorVehicles',
    list: 'NonMotorVehicleListObject',
    object: 'NonMotorVehicleObject',
  },
  face: { uri: '/VIID/Faces', list: 'FaceListObject', object: 'FaceObject' },
} as const;

/** Where objects of one kind are posted, and the body of that request. RangeError for none. */
export function listRequest(objects: readonly BuiltObject[]): { readonly uri: string; readonly body: ViidObject } {
  const [first] = objects;
  if (!first) throw new RangeError('a list of no objects');
  const { uri, list, object } = listNames[first.kind];
  return { uri, body: { [list]: { [object]: objects.map(({ body }) => body) } } };
}

/** The part of a subscription's notification that carries the object. */
export function notifiedObject({ kind, body }: BuiltObject): ViidObject {
  const { object } = listNames[kind];
  return { [`${object}List`]: { [object]: [body] } };
}
