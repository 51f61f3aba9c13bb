import { Readable } from 'node:stream';

interface Subscription {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}
interface Named {
  readonly id: string;
}
interface Numbered {
  readonly messageId: number;
}

/**
 * The persistence behind aedes (README of aedes, "Persistence"): it keeps almost nothing, because the gateway's store
 * keeps what matters and devices receive nothing while they are away. What is left of an MQTT session (MQTT 3.1.1
 * section 4.1) is the one subscription a device may have, which follows from its name, and the ids of QoS 2 messages
 * under way, at most aedes' `maxInflightInbound` a device. So a session is always "present" for a device that asks for
 * one, even after a restart: clients such as Paho C throw their unacknowledged messages away when it is not.
 * Client ids are device names here: see `createDeviceBroker`.
 */
export class DeviceSessions {
  readonly #subscriptionOf: (id: string) => Subscription;
  readonly #incoming = new Map<string, Set<number>>();

  constructor(subscriptionOf: (id: string) => Subscription) {
    this.#subscriptionOf = subscriptionOf;
  }

  // aedes insists that this is an AsyncFunction.
  async setup(): Promise<void> {
    await Promise.resolve();
  }

  subscriptionsByClient(client: Named): Promise<Subscription[]> {
    return Promise.resolve([this.#subscriptionOf(client.id)]);
  }

  incomingStorePacket(client: Named, packet: Numbered): Promise<void> {
    const known = this.#incoming.get(client.id);
    if (known === undefined) this.#incoming.set(client.id, new Set([packet.messageId]));
    else known.add(packet.messageId);
    return Promise.resolve();
  }

  /** Rejects for an id that is not under way: that is how aedes tells a new message from a repeat. */
  incomingGetPacket(client: Named, packet: Numbered): Promise<Numbered> {
    return this.#incoming.get(client.id)?.has(packet.messageId) === true
      ? Promise.resolve(packet)
      : Promise.reject(new Error('no such packet'));
  }

  incomingDelPacket(client: Named, packet: Numbered): Promise<void> {
    this.#incoming.get(client.id)?.delete(packet.messageId);
    return Promise.resolve();
  }

  cleanIncoming(client: Named): Promise<void> {
    this.#incoming.delete(client.id);
    return Promise.resolve();
  }

  outgoingStream(): Readable {
    return Readable.from([]);
  }
  createRetainedStreamCombi(): Readable {
    return Readable.from([]);
  }
  streamWill(): Readable {
    return Readable.from([]);
  }
  subscriptionsByTopic(): Promise<[]> {
    return Promise.resolve([]);
  }
  addSubscriptions = done;
  removeSubscriptions = done;
  cleanSubscriptions = done;
  outgoingEnqueue = done;
  outgoingEnqueueCombi = done;
  outgoingUpdate = done;
  outgoingClearMessageId = done;
  storeRetained = done;
  putWill = done;
  delWill = done;
  destroy = done;
}

function done(): Promise<void> {
  return Promise.resolve();
}
