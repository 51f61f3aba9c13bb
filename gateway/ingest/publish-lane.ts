import type { Socket } from 'node:net';
import { createPublishReader, type Publish } from './publish-reader.ts';

/**
 * The short way of a reading: QoS 1 messages of a logged-in device, taken from its socket before aedes sees them, and
 * acknowledged many at a time. Everything else goes on to aedes. (Parsing, calling and acknowledging one by one were a third
 * of what a message cost; decisions/short-way.md.)
 */
export interface PublishLane {
  /** What is to be read from the socket now; null while messages are on their way: the sender waits, as it does with aedes. */
  read(read: () => unknown): unknown;
}

/** Writes the acknowledgements of all lanes, once a turn. */
export function createAcknowledger(): (lane: { flush(): void }) => void {
  let due: { flush(): void }[] = [];
  return (lane) => {
    due.push(lane);
    if (due.length > 1) return;
    setImmediate(() => {
      const now = due;
      due = [];
      for (const each of now) each.flush();
    });
  };
}

export function createPublishLane(given: {
  readonly socket: Socket;
  readonly prefix: string;
  /** Resolves with true when the message may be acknowledged, with false when it is to stay without an answer. */
  readonly publish: (message: Publish) => Promise<boolean>;
  /** A message was refused: the connection ends. */
  readonly refuse: () => void;
  /** A packet has come: the keep-alive begins anew (MQTT 3.1.1 section 3.1.2.10). */
  readonly heard: () => void;
  readonly acknowledge: ReturnType<typeof createAcknowledger>;
}): PublishLane {
  const { socket, publish, refuse, heard, acknowledge } = given;
  const reader = createPublishReader(given.prefix);
  let underWay = 0;
  let draining = false;
  let answers: number[] = [];

  /** aedes reads when it is told that there is something to read. */
  const goOn = (): void => {
    if (underWay === 0 && !draining && !socket.destroyed) socket.emit('readable');
  };
  const lane = {
    flush: (): void => {
      const ids = answers;
      answers = [];
      if (ids.length > 0 && !socket.destroyed) {
        const bytes = Buffer.allocUnsafe(ids.length * 4);
        // PUBACK (section 3.4).
        ids.forEach((id, index) => bytes.writeUInt32BE(0x40020000 + id, index * 4));
        if (!socket.write(bytes)) {
          draining = true;
          socket.once('drain', () => {
            draining = false;
            goOn();
          });
        }
      }
      goOn();
    },
  };
  const settle = (): void => {
    underWay -= 1;
    if (answers.length === 0 && underWay === 0) goOn();
  };
  const take = (message: Publish): void => {
    underWay += 1;
    // Not the message itself: thousands wait for the disk, and each would hold its piece of the socket's buffer.
    const { packetId } = message;
    publish(message).then(
      (answered) => {
        if (answered && answers.push(packetId) === 1) acknowledge(lane);
        settle();
      },
      () => {
        settle();
        refuse();
      },
    );
  };

  return {
    read: (read) => {
      if (underWay > 0 || draining) return null;
      const chunk = read();
      if (!Buffer.isBuffer(chunk)) return chunk;
      const rest = reader(chunk, take);
      heard();
      return rest;
    },
  };
}
