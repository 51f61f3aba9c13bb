import type { Clock } from '../../lib/clock.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { authorize, chooseChallenge, type Challenge } from '../../lib/http-authentication.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import type { Random } from '../../lib/random.ts';
import { createRepeatedFault } from '../../lib/repeated-fault.ts';
import type { Exchange, HttpClient } from '../webhook/http-exchange.ts';
import type { ViidOptions } from './options.ts';
import { parseViidTime } from './ids.ts';
import type { Profile } from './profile.ts';
import { jsonOf, verdictOf, type Verdict } from './reply.ts';

export const viidMediaType = 'application/VIID+JSON;charset=UTF-8';
/** A list of a thousand statuses. */
const maxReplyBytes = 512_000;
const registerPolicy = { firstMs: 1000, maxMs: 60_000, factor: 2, jitterRatio: 0.3 };
/** A difference of the clocks above this is worth a line in the log. */
const clockDifferenceMs = 60_000;

export interface ViidRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path below the platform's address, or a whole address. */
  readonly uri: string;
  readonly body: unknown;
  /** Id of the object in the body, by which its status is found in the reply. */
  readonly objectId: string | null;
  /** Gets the reply that the verdict was made of: for a list, whose objects have statuses of their own. */
  readonly onReply?: (exchange: Exchange) => void;
}

/** The gateway's standing at one platform: registers when it must, keeps alive, registers again when it was forgotten. */
export interface ViidSession {
  /** One request as a registered client. Registers first where needed; begins anew, once, after a 401 or a reboot. */
  request(request: ViidRequest, signal: AbortSignal): Promise<Exclude<Verdict, { kind: 'unauthorised' | 'rebooted' }>>;
  /** Tells the platform that the gateway is there. */
  keepAlive(signal: AbortSignal): Promise<Verdict>;
  /** Registers, then keeps alive until the signal aborts; then unregisters. `onBeat` after each that went well. */
  hold(onBeat: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Null while all is well. */
  fault(): string | null;
}

export function createViidSession(given: {
  readonly channel: string;
  readonly options: ViidOptions;
  readonly profile: Profile;
  readonly password: string;
  readonly timeZone: string;
  readonly client: HttpClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): ViidSession {
  const { channel, options, profile, client, clock, random, logger, timeZone } = given;
  const base = options.url.replace(/\/+$/, '');
  const username = options.username ?? options.deviceId;
  const { deviceId } = options;
  let registered = false;
  let registering: Promise<Verdict> | null = null;
  let failures = 0;
  let notBeforeMs = 0;
  let lastRefusal = '';
  let misses = 0;
  let missReason = '';
  /** The latest challenge and how often it was answered. */
  let challenge: Challenge | null = null;
  let uses = 0;
  /** Most platforms authorise the registration only; some want it with every request. */
  let everyRequest = false;
  const repeated = createRepeatedFault(clock, (what, count, facts) =>
    logger.warn({ channel, what, count, ...facts }, 'platform not reached as it should be'),
  );

  const exchange = (
    { method, uri, body }: Omit<ViidRequest, 'objectId'>,
    signal: AbortSignal,
    authorization: string | null,
    timeoutMs = options.timeout,
  ): Promise<Exchange> =>
    client.exchange({
      method,
      url: addressOf(uri),
      headers: {
        'content-type': viidMediaType,
        accept: 'application/VIID+JSON, application/json',
        'user-identify': deviceId,
        'user-agent': 'kanmen',
        ...(authorization !== null && { authorization }),
      },
      body: body === null ? null : Buffer.from(JSON.stringify(body)),
      timeoutMs,
      maxReplyBytes,
      signal,
    });

  const addressOf = (uri: string): URL => new URL(/^https?:/.test(uri) ? uri : `${base}${uri}`);

  /** Value of the Authorization header for one request under the latest challenge; null where none was ever given. */
  const authorization = (method: string, uri: string): string | null => {
    if (!challenge) return null;
    uses += 1;
    const url = addressOf(uri);
    const cnonce = Buffer.from(random.bytes(8)).toString('hex');
    return authorize(
      challenge,
      { username, password: given.password },
      { method, uri: profile.authorizationUri === 'url' ? url.href : `${url.pathname}${url.search}` },
      { count: uses, cnonce },
    );
  };
  const take = (values: readonly string[]): boolean => {
    const chosen = chooseChallenge(values);
    if (!chosen) return false;
    challenge = chosen;
    uses = 0;
    return true;
  };

  /** A request that is authorised when the platform asks for it: Register and UnRegister (standards.md 1.3). */
  const authorised = async (request: ViidRequest, signal: AbortSignal, timeoutMs?: number): Promise<Verdict> => {
    const first = verdictOf(await exchange(request, signal, null, timeoutMs), request.objectId, clock.now());
    if (first.kind !== 'unauthorised' || !take(first.challenge)) return first;
    const answered = await exchange(request, signal, authorization(request.method, request.uri), timeoutMs);
    return verdictOf(answered, request.objectId, clock.now());
  };

  const registerOnce = async (signal: AbortSignal): Promise<Verdict> => {
    const verdict = await authorised(
      {
        method: 'POST',
        uri: '/VIID/System/Register',
        body: { RegisterObject: { DeviceID: deviceId } },
        objectId: null,
      },
      signal,
    );
    if (verdict.kind === 'ok') {
      if (!registered) logger.info({ channel }, 'registered at the platform');
      registered = true;
      failures = 0;
      notBeforeMs = 0;
      lastRefusal = '';
      return verdict;
    }
    registered = false;
    if (signal.aborted) return verdict;
    failures += 1;
    lastRefusal =
      verdict.kind === 'unauthorised' ? `the platform refuses ${username}: wrong name or password` : verdict.reason;
    // No hammering: a wrong password locks the account at some platforms.
    notBeforeMs = clock.monotonic() + backoffMs(registerPolicy, failures, () => random.unit());
    repeated('register', { reason: lastRefusal });
    return verdict;
  };

  /** Null once registered; else what stands against it. Callers at the same time share one registration. */
  const ensureRegistered = async (signal: AbortSignal): Promise<Verdict | null> => {
    if (registered) return null;
    const waitMs = notBeforeMs - clock.monotonic();
    if (waitMs > 0) return { kind: 'retry', reason: `not registered: ${lastRefusal}`, afterMs: Math.ceil(waitMs) };
    registering ??= registerOnce(signal).finally(() => {
      registering = null;
    });
    const verdict = await registering;
    if (verdict.kind === 'ok') return null;
    const afterMs = verdict.kind === 'retry' ? verdict.afterMs : null;
    return { kind: 'retry', reason: `not registered: ${lastRefusal || 'aborted'}`, afterMs };
  };

  /** One request; a challenge to it is answered at once, and remembered for the ones that follow. */
  const ask = async (wanted: ViidRequest, signal: AbortSignal): Promise<Verdict> => {
    const send = async (value: string | null): Promise<Verdict> => {
      const answered = await exchange(wanted, signal, value);
      wanted.onReply?.(answered);
      return verdictOf(answered, wanted.objectId, clock.now());
    };
    const first = await send(everyRequest ? authorization(wanted.method, wanted.uri) : null);
    if (first.kind !== 'unauthorised' || !take(first.challenge)) return first;
    const second = await send(authorization(wanted.method, wanted.uri));
    everyRequest = second.kind !== 'unauthorised';
    return second;
  };

  const request: ViidSession['request'] = async (wanted, signal) => {
    // After a 401 that no answer mends, and after a reboot, everything begins anew, once.
    for (let round = 0; ; round += 1) {
      const hindrance = await ensureRegistered(signal);
      if (hindrance) return settled(hindrance);
      const verdict = await ask(wanted, signal);
      if (verdict.kind !== 'unauthorised' && verdict.kind !== 'rebooted') return verdict;
      registered = false;
      if (round > 0 || signal.aborted) return settled(verdict);
    }
  };

  const keepAlive: ViidSession['keepAlive'] = (signal) =>
    request(
      {
        method: 'POST',
        uri: '/VIID/System/Keepalive',
        body: { KeepaliveObject: { DeviceID: deviceId } },
        objectId: null,
      },
      signal,
    );

  const beat = async (signal: AbortSignal): Promise<boolean> => {
    const verdict = await keepAlive(signal);
    if (signal.aborted) return false;
    if (verdict.kind === 'ok') {
      misses = 0;
      return true;
    }
    misses += 1;
    missReason = 'reason' in verdict ? verdict.reason : verdict.kind;
    // Whatever the platform says to it, the next beat begins with a registration (standards.md 1.4).
    registered = false;
    repeated('keepalive', { reason: missReason, misses });
    return false;
  };

  const compareClocks = async (signal: AbortSignal): Promise<void> => {
    const answer = await exchange({ method: 'GET', uri: '/VIID/System/Time', body: null }, signal, null);
    if (answer.kind === 'failed') return;
    const text = localTimeOf(jsonOf(answer.body)?.value);
    const theirs = text === null ? null : parseViidTime(text, timeZone);
    if (theirs === null) return;
    const differenceMs = theirs - clock.now();
    if (Math.abs(differenceMs) > clockDifferenceMs)
      logger.warn({ channel, differenceS: Math.round(differenceMs / 1000) }, 'clock of the platform differs');
  };

  return {
    request,
    keepAlive,
    hold: async (onBeat, signal) => {
      const ended = (): boolean => signal.aborted;
      let first = true;
      while (!ended()) {
        if (await beat(signal)) {
          if (first) await compareClocks(signal);
          first = false;
          await onBeat();
        }
        const waitMs = registered ? options.keepaliveEvery : Math.max(notBeforeMs - clock.monotonic(), 1000);
        await pause(clock, Math.min(waitMs, options.keepaliveEvery), signal);
      }
      if (!registered) return;
      registered = false;
      // Its own short time: the signal has ended already, and a platform that is away must not hold up the stop.
      await authorised(
        {
          method: 'POST',
          uri: '/VIID/System/UnRegister',
          body: { UnRegisterObject: { DeviceID: deviceId } },
          objectId: null,
        },
        new AbortController().signal,
        Math.min(options.timeout, 2000),
      );
    },
    fault: () => (misses >= options.keepaliveMisses ? `${misses} keep-alives in a row failed: ${missReason}` : null),
  };
}

/** What is left of a verdict after registering again did not help. */
function settled(verdict: Verdict): Exclude<Verdict, { kind: 'unauthorised' | 'rebooted' }> {
  if (verdict.kind === 'unauthorised')
    return { kind: 'retry', reason: 'status 401 although registered', afterMs: null };
  return verdict.kind === 'rebooted' ? { kind: 'retry', reason: verdict.reason, afterMs: null } : verdict;
}

/** SystemTimeObject.LocalTime, wherever it stands. */
function localTimeOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null;
  for (const [key, value] of Object.entries(body)) {
    if (key === 'LocalTime' && typeof value === 'string') return value;
    const inner = localTimeOf(value);
    if (inner !== null) return inner;
  }
  return null;
}
