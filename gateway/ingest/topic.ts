import { deviceClasses, deviceKey, idPattern, type DeviceClass, type DeviceKey } from '../domain/ids.ts';

export type TopicKind = 'status' | 'telemetry' | 'alarm' | 'session';

/** A canonical topic taken apart (interfaces.md, "MQTT, device side"). */
export interface DeviceTopic {
  readonly device: DeviceKey;
  readonly deviceClass: DeviceClass;
  readonly id: string;
  /** Null for a topic under the device that has no meaning here. */
  readonly kind: TopicKind | null;
  /** Present for `port/<n>/…`, from 1. */
  readonly port: number | null;
}

/** `community/<site>/<class>/<id>/`: everything a device may publish starts with it. */
export function topicPrefix(site: string, key: DeviceKey): string {
  return `community/${site}/${key}/`;
}

/** The class and id of an MQTT user name such as `fire/f-0012`, or null. */
export function parseDeviceKey(
  text: string,
): { readonly key: DeviceKey; readonly deviceClass: DeviceClass; readonly id: string } | null {
  const slash = text.indexOf('/');
  const deviceClass = deviceClasses.find((known) => known === text.slice(0, slash));
  const id = text.slice(slash + 1);
  if (slash < 0 || deviceClass === undefined || !idPattern.test(id)) return null;
  return { key: deviceKey(deviceClass, id), deviceClass, id };
}

const portTopic = /^port\/([1-9]\d{0,2})\/(telemetry|session)$/;

/** Topics of one site that were taken apart before: devices have few and say them over and over. 2 000 ports and 2 000 sensors fit. */
const maxKnownTopics = 10_000;

/** `parseTopic` for one site, with the topics remembered. */
export function createTopicParser(site: string): (topic: string) => DeviceTopic | null {
  const known = new Map<string, DeviceTopic>();
  return (topic) => {
    const before = known.get(topic);
    if (before) return before;
    const parsed = parseTopic(topic, site);
    // What means nothing is not remembered: a device could make any number of those.
    if (parsed?.kind == null) return parsed;
    if (known.size >= maxKnownTopics) known.clear();
    known.set(topic, parsed);
    return parsed;
  };
}

/** Takes a topic apart, or says null when it is not below a device of this site. */
export function parseTopic(topic: string, site: string): DeviceTopic | null {
  const start = `community/${site}/`;
  if (!topic.startsWith(start)) return null;
  const classEnd = topic.indexOf('/', start.length);
  const idEnd = classEnd < 0 ? -1 : topic.indexOf('/', classEnd + 1);
  if (idEnd < 0) return null;
  const named = parseDeviceKey(topic.slice(start.length, idEnd));
  if (named === null) return null;
  return {
    device: named.key,
    deviceClass: named.deviceClass,
    id: named.id,
    ...meaning(named.deviceClass, topic.slice(idEnd + 1)),
  };
}

function meaning(deviceClass: DeviceClass, rest: string): Pick<DeviceTopic, 'kind' | 'port'> {
  if (rest === 'status' || rest === 'alarm') return { kind: rest, port: null };
  if (deviceClass === 'fire') return { kind: rest === 'telemetry' ? 'telemetry' : null, port: null };
  const found = portTopic.exec(rest);
  if (found === null) return { kind: null, port: null };
  return { kind: found[2] === 'session' ? 'session' : 'telemetry', port: Number(found[1]) };
}
