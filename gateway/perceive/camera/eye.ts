// Long because one decoder's whole life is here: opened, fed from the last key frame, judged by its pictures, shut.
import type { Clock, EpochMs } from '../../lib/clock.ts';
import type { DecoderLease, DecoderSlots } from './decoder-slots.ts';
import type { DecodingWay } from './decoding-way.ts';
import { nothingCounted, type EyeReport } from './eye-report.ts';
import type { Fragment, FragmentSink, InitSegment } from './fragment.ts';
import type { GateReason } from './gate/index.ts';
import type { FrameSlot } from './frame-slot.ts';
import { createKeptGops } from './kept-gops.ts';
import type { StillLook } from './key-frame-net.ts';
import type { MotionGate } from './motion-gate.ts';
import { fedInput, startPictureStream, type Picture, type PictureStream } from './picture-stream.ts';
import { createReadingHold } from './reading-hold.ts';
import { createStillness } from './stillness.ts';

export interface EyeRequest {
  readonly framesPerSecond: number;
  readonly maxWidthPx: number;
  readonly gate: MotionGate;
  /** Looks at a key frame now and then while the gate is closed; null: never. */
  readonly net: StillLook | null;
  readonly slots: DecoderSlots;
  readonly way: DecodingWay;
  readonly slot: FrameSlot;
  readonly clock: Clock;
  /** False for a file, which is read as fast as it is looked at: nothing is dropped, `hold` stops the reading. */
  readonly live: boolean;
  readonly hold: (on: boolean) => void;
  /** Decoders end before they give a picture, again and again: why; null once one works again. */
  readonly onFault?: (reason: string | null) => void;
}

export interface Eye extends FragmentSink {
  /** Decodes for at least so long, whatever the gate says; from the last key frame on. */
  wake(forMs: number): void;
  /** Capture time up to which nothing moved: the gate is closed and no picture is on its way. Null otherwise. */
  quietAt(): EpochMs | null;
  report(): EyeReport;
  /** Nothing more will come: settles when the last picture was given out. */
  drained(): Promise<void>;
  /** Ends the decoder at once. */
  close(): Promise<void>;
}

/** Pictures before the moment that opened the gate: a car is in view for longer before it can be read. */
const beforeMs = 2000;
/** The net's wakes begin at the key frame before, if it is no older: GOPs of up to 8 s are common. */
const mostBackMs = 10_000;
/** After the gate's own hold of 2 s: what has just left is looked for where it was, so that it is known to have gone. */
const afterMs = 500;
/** A live decoder may fall this far behind; then a GOP is dropped. 8 s at 4 Mbit/s. */
const mostQueuedBytes = 4_000_000;
/** What is kept from the last key frame on, and while no decoder is free: 30 s at 4 Mbit/s. */
const mostKeptBytes = 16_000_000;

/** Pictures that are the same for so long, up to one after the sign that opened the gate, shut it. */
const stillMs = 1000;
const settleMs = 300;
/** What plainly moves keeps it open for so long, whatever sizes say. */
const movingMs = 2000;
/** A file is read no further than this ahead of its pictures, so that they can shut the gate as a live camera's do. */
const aheadMs = 700;
/** A decoder that holds pictures back (B pictures) for want of input gets more. */
const stalledMs = 300;

/** One decoder may fail on damaged video; the next one begins with another key frame. */
const faultAfter = 2;

interface Decoder {
  readonly stream: PictureStream;
  readonly lease: DecoderLease;
  readonly startedMs: number;
  readonly hardware: boolean;
  /** Fed and not given out yet: media time and capture time. */
  fed: Pick<Fragment, 'mediaTimeMs' | 'capturedAtMs'>[];
  pictures: number;
  /** Media time of its newest picture, and how far beyond it a file may be read. */
  newestMs: number;
  aheadMs: number;
  waitsForKey: boolean;
  finishing: boolean;
}

/** Turns a camera's fragments into pictures while there is something to see. */
export function createEye(request: EyeRequest): Eye {
  const { gate, net, slots, way, slot, clock, live } = request;
  let init: InitSegment | null = null;
  let decoder: Decoder | null = null;
  let waiting: (() => void) | null = null;
  /** Media time up to which pictures are wanted, and from which. */
  let openUntilMs = -Infinity;
  let fromMs = 0;
  let wokenAtMs = 0;
  let givenMs = -Infinity;
  let newest: Pick<Fragment, 'mediaTimeMs' | 'capturedAtMs'> | null = null;
  let isOpen = false;
  let ended = false;
  let closed = false;
  let wakeFor: number | null = null;
  let wakeFromMs = Infinity;
  /** Somebody wants pictures until then, moving or not. */
  let askedFor: number | null = null;
  let askedUntilMs = -Infinity;
  /** The gate opened while a decoder was at its end: the next one owes those pictures, though the gate may be shut again. */
  let owed = false;
  let idle: (() => void)[] = [];
  let failedStarts = 0;
  let faulty = false;
  let inDoubt = false;
  let gateReason: GateReason = 'learning';
  let retry = { cancel: (): void => undefined };
  let stalled = { cancel: (): void => undefined };
  let fedUntilMs = -Infinity;
  const count = { ...nothingCounted };

  const hold = createReadingHold((on) => {
    if (!live) request.hold(on);
  });
  const stillness = createStillness();
  /** From the last key frame on; further back while a decoder is waited for. */
  const kept = createKeptGops(mostKeptBytes, () => {
    if (isOpen) count.gopsDropped += 1;
  });

  /** Read through a function: `tsc` believes that it cannot change while one waits. */
  const isClosed = (): boolean => closed;

  const settleIdle = (): void => {
    if (decoder || waiting) return;
    const settled = idle;
    idle = [];
    for (const done of settled) done();
  };

  const keep = (fragment: Fragment): void => {
    // Without a decoder that wants them, the GOP before this one is enough: what the net sees in a key frame, and what
    // the gate notices just after one, began in it (decisions/compressed-gate.md).
    if (fragment.key && !waiting && !decoder?.finishing) kept.forgetBefore(fragment.mediaTimeMs - beforeMs);
    kept.add(fragment);
  };

  const feed = (to: Decoder, fragment: Fragment): void => {
    if (to.waitsForKey && !fragment.key) return;
    if (live && to.stream.queuedBytes() > mostQueuedBytes) {
      if (!to.waitsForKey || fragment.key) count.gopsDropped += 1;
      to.waitsForKey = true;
      return;
    }
    to.waitsForKey = false;
    const { mediaTimeMs, capturedAtMs, bytes } = fragment;
    to.fed.push({ mediaTimeMs, capturedAtMs });
    fedUntilMs = mediaTimeMs;
    // The child may take it later than its memory is held.
    to.stream.feed(fragment.memory ? bytes.slice() : bytes);
    if (to.stream.queuedBytes() > mostQueuedBytes) hold('queue', true);
  };

  /** Lets a file be read on when its pictures are as far, or when the decoder wants more to give the next. */
  const checkAhead = (of: Decoder): void => {
    if (live) return;
    stalled.cancel();
    const pictureMs = Math.max(of.newestMs, wokenAtMs);
    const isAhead = decoder === of && !of.finishing && !ended && fedUntilMs - pictureMs > of.aheadMs;
    hold('ahead', isAhead);
    if (!isAhead) return;
    stalled = clock.after(stalledMs, () => {
      if (of.stream.queuedBytes() === 0 && slot.isEmpty()) of.aheadMs += aheadMs;
      checkAhead(of);
    });
  };

  /** Pictures know better than sizes: what moves keeps the gate open; where nothing has changed for a while, it learns that. */
  const notice = (picture: Picture): void => {
    const { stillSinceMs, moved } = stillness.take(picture);
    if (moved && isOpen) openUntilMs = Math.max(openUntilMs, picture.mediaMs + movingMs);
    if (picture.mediaMs - stillSinceMs < stillMs || picture.mediaMs < wokenAtMs + settleMs) return;
    // On a busy machine the gate may have shut by itself before its pictures come.
    gate.calm(stillSinceMs, picture.mediaMs);
    if (!isOpen) return;
    const untilMs = Math.max(askedUntilMs, (newest?.mediaTimeMs ?? 0) - 1);
    if (openUntilMs <= untilMs) return;
    openUntilMs = untilMs;
    count.calmed += 1;
  };

  /** Capture time of a picture by its media time: that of the last fragment at or before it. */
  const capturedAt = (of: Decoder, mediaMs: number): EpochMs | null => {
    // B pictures are shown up to a few places from where they were fed.
    while (of.fed.length > 16 && (of.fed[8]?.mediaTimeMs ?? Infinity) < mediaMs) of.fed.shift();
    const at = of.fed.findLast(({ mediaTimeMs }) => mediaTimeMs <= mediaMs + 1) ?? of.fed[0];
    return at ? (Math.round(at.capturedAtMs + mediaMs - at.mediaTimeMs) as EpochMs) : null;
  };

  const startDecoder = (stream: InitSegment, lease: DecoderLease): void => {
    waiting = null;
    const hardwareArguments = way.inputArguments(stream.codec);
    const pictures = startPictureStream({
      input: [...hardwareArguments, ...fedInput],
      framesPerSecond: request.framesPerSecond,
      maxWidthPx: request.maxWidthPx,
      fromMediaMs: Math.max(fromMs, givenMs + 1, 0),
      onPicture: (picture) => {
        own.pictures += 1;
        if (own.pictures === 1) {
          way.worked();
          if (faulty) request.onFault?.(null);
          faulty = false;
        }
        const at = capturedAt(own, picture.mediaMs);
        own.newestMs = Math.max(own.newestMs, picture.mediaMs);
        if (closed || at === null || picture.mediaMs <= givenMs) {
          picture.release();
          return null;
        }
        givenMs = picture.mediaMs;
        notice(picture);
        checkAhead(own);
        // A picture from before the gate opened is old by nature.
        const graceMs = picture.mediaMs < wokenAtMs ? wokenAtMs - fromMs + 1500 : 0;
        return slot.offer({ ...picture, capturedAt: at, graceMs });
      },
      onDrain: () => hold('queue', false),
    });
    const own: Decoder = {
      stream: pictures,
      lease,
      startedMs: clock.monotonic(),
      hardware: hardwareArguments.length > 0,
      fed: [],
      pictures: 0,
      newestMs: -Infinity,
      aheadMs,
      waitsForKey: false,
      finishing: false,
    };
    decoder = own;
    count.decoderStarts += 1;
    stillness.restart();
    pictures.feed(stream.bytes);
    const backlog = kept.from(fromMs);
    const newestKey = backlog.findLastIndex(({ key }) => key);
    // More than this at once and `feed` would leave out what is newest.
    const tooMuch = live && backlog.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > mostQueuedBytes / 2;
    for (const fragment of tooMuch ? backlog.slice(newestKey) : backlog) feed(own, fragment);
    kept.forgetBefore(Infinity);
    void pictures.ended.then(({ code, complaint }) => {
      count.decodingMs += clock.monotonic() - own.startedMs;
      lease.release();
      decoder = null;
      hold('queue', false);
      hold('owed', false);
      hold('ahead', false);
      const early = own.pictures === 0 && code !== 0 && !closed;
      // Another way of decoding is tried at once, the same one less and less eagerly.
      const another = early && own.hardware && way.failed(complaint);
      failedStarts = early && !another ? failedStarts + 1 : 0;
      if (failedStarts >= faultAfter && !faulty) {
        faulty = true;
        request.onFault?.(complaint === '' ? 'the video cannot be decoded' : complaint);
      }
      // A decoder that ended by itself (killed, crashed, garbage) is started anew, less and less eagerly.
      const more = !ended || (newest !== null && newest.mediaTimeMs > fedUntilMs);
      if ((isOpen || owed) && !closed && more) {
        owed = false;
        if (failedStarts === 0) open();
        else retry = clock.after(Math.min(500 * 2 ** failedStarts, 30_000), () => open());
      }
      settleIdle();
    });
    if (ended || !isOpen) finish(own);
  };

  const finish = (of: Decoder): void => {
    if (of.finishing) return;
    of.finishing = true;
    of.stream.finish();
  };

  const open = (): void => {
    if (decoder || waiting || closed || kept.oldestMs() === null || init === null) return;
    const stream = init;
    const asked = { granted: false };
    const giveUp = slots.ask(
      (lease) => {
        asked.granted = true;
        if (isClosed() || init !== stream || kept.oldestMs() === null) {
          waiting = null;
          lease.release();
          return;
        }
        startDecoder(stream, lease);
      },
      () => {
        if (decoder) finish(decoder);
      },
    );
    if (!asked.granted) waiting = giveUp;
  };

  const step = (fragment: Fragment): void => {
    const { open: moves, doubtful, reason } = gate.take(fragment);
    inDoubt = doubtful;
    gateReason = reason;
    if (askedFor !== null) askedUntilMs = Math.max(askedUntilMs, fragment.mediaTimeMs + askedFor);
    askedFor = null;
    const woken = wakeFor;
    wakeFor = null;
    const since = wakeFromMs;
    wakeFromMs = Infinity;
    const untilMs = Math.max(
      moves ? fragment.mediaTimeMs + afterMs : -Infinity,
      woken === null ? -Infinity : fragment.mediaTimeMs + woken,
      askedUntilMs,
    );
    if (untilMs > openUntilMs) openUntilMs = untilMs;
    const now = fragment.mediaTimeMs <= openUntilMs;
    if (now && !isOpen) {
      wokenAtMs = fragment.mediaTimeMs;
      fromMs = Math.max(Math.min(fragment.mediaTimeMs - beforeMs, since, owed ? fromMs : Infinity), 0);
      net?.seen();
    }
    isOpen = now;
    count.seenMs += fragment.durationMs;
    if (isOpen) count.openMs += fragment.durationMs;
  };

  const lookAtKey = (fragment: Fragment): void => {
    if (!net || isOpen || !init) return;
    const stream = init;
    const answer = net.look(stream, fragment, inDoubt);
    if (!answer) return;
    count.netLooks += 1;
    hold('net', true);
    void answer.then((changed) => {
      hold('net', false);
      if (!changed || closed || init !== stream) return;
      count.netWakes += 1;
      // What is new in this key frame came after the one before it; further back than 10 s costs too much to decode.
      const before = kept.oldestMs() ?? Infinity;
      if (fragment.mediaTimeMs - before <= mostBackMs) wakeFromMs = before;
      wakeFor = 3000;
    });
  };

  return {
    begin: (given) => {
      if (decoder) finish(decoder);
      waiting?.();
      waiting = null;
      init = given;
      kept.clear();
      openUntilMs = -Infinity;
      askedUntilMs = -Infinity;
      fedUntilMs = -Infinity;
      givenMs = -Infinity;
      isOpen = false;
      ended = false;
      newest = null;
      owed = false;
      gate.begin(given);
    },
    take: (fragment) => {
      newest = fragment;
      if (fragment.key) count.lastKeyAt = fragment.capturedAtMs;
      step(fragment);
      const current = decoder;
      if (isOpen && current && !current.finishing) {
        keep(fragment);
        feed(current, fragment);
        checkAhead(current);
        return;
      }
      keep(fragment);
      if (isOpen) {
        owed ||= current?.finishing === true;
        // A file is read faster than decoders end.
        if (owed) hold('owed', true);
        open();
      } else {
        if (current) finish(current);
        waiting?.();
        waiting = null;
        if (fragment.key) lookAtKey(fragment);
      }
    },
    end: () => {
      ended = true;
      retry.cancel();
      if (decoder) finish(decoder);
      if (!decoder) settleIdle();
    },
    hurries: () => isOpen || decoder !== null,
    wake: (forMs) => {
      askedFor = Math.max(askedFor ?? 0, forMs);
    },
    quietAt: () => (isOpen || decoder || waiting || !slot.isEmpty() || ended ? null : (newest?.capturedAtMs ?? null)),
    report: () => ({
      ...count,
      decodingMs: Math.round(count.decodingMs + (decoder ? clock.monotonic() - decoder.startedMs : 0)),
      gate: isOpen ? 'open' : 'closed',
      gateReason,
    }),
    drained: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        settleIdle();
      }),
    close: async () => {
      closed = true;
      retry.cancel();
      stalled.cancel();
      waiting?.();
      waiting = null;
      const running = decoder;
      running?.stream.stop();
      await running?.stream.ended;
    },
  };
}
