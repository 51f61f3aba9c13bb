import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publishPacket } from './ingest-fixture.ts';
import { createPublishReader } from './publish-reader.ts';

const prefix = 'community/s1/charger/c1/';

/** A packet, and what of it is ours: `topic payload id dup`. */
interface Sample {
  readonly bytes: Buffer;
  readonly ours: string | null;
}
const foreign = (bytes: Buffer): Sample => ({ bytes, ours: null });
const payload = fc.string({ maxLength: 300 });
const samples: fc.Arbitrary<Sample> = fc.oneof(
  fc.tuple(payload, fc.integer({ min: 1, max: 65_535 }), fc.boolean()).map(([text, id, dup]): Sample => ({
    bytes: publishPacket(`${prefix}port/1/telemetry`, text, id, 1, dup),
    ours: `${prefix}port/1/telemetry ${text} ${id} ${dup}`,
  })),
  // Other people's topics, wildcards, other qualities of service and other packets are for aedes to judge.
  payload.map((text) => foreign(publishPacket('community/s1/charger/c2/status', text, 7, 1, false))),
  payload.map((text) => foreign(publishPacket(`${prefix}#`, text, 7, 1, false))),
  payload.map((text) => foreign(publishPacket(`${prefix}status`, text, 7, 2, false))),
  fc.constant(foreign(publishPacket(`${prefix}status`, 'x', 0, 1, false))),
  fc.constantFrom(
    foreign(Buffer.from([0xc0, 0])),
    foreign(Buffer.from([0xe0, 0])),
    foreign(Buffer.from([0x62, 2, 0, 9])),
    foreign(Buffer.from([0x32, 3, 0, 1, 97])),
  ),
);

describe('the short way for readings', () => {
  it('takes the device’s own QoS 1 messages out of the stream however it is cut, and gives back every other byte in order', () => {
    fc.assert(
      fc.property(
        fc.array(samples, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }),
        (stream, cuts) => {
          const bytes = Buffer.concat(stream.map((sample) => sample.bytes));
          const read = createPublishReader(prefix);
          const taken: string[] = [];
          const rest: Buffer[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = cuts[turn % cuts.length] ?? 1;
            const back = read(bytes.subarray(at, at + size), ({ topic, payload: body, packetId, duplicate }) => {
              taken.push(`${topic} ${Buffer.from(body).toString()} ${packetId} ${duplicate}`);
            });
            if (back) rest.push(back);
            at += size;
          }
          expect(taken).toEqual(stream.flatMap(({ ours }) => ours ?? []));
          expect(Buffer.concat(rest)).toEqual(
            Buffer.concat(stream.filter(({ ours }) => ours === null).map((sample) => sample.bytes)),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives a length that never ends to the one who ends connections', () => {
    const broken = Buffer.from([0x32, 0x80, 0x80, 0x80, 0x80, 0x01]);
    expect(createPublishReader(prefix)(broken, () => undefined)).toEqual(broken);
  });
});
