/**
 * Composition root of the gateway: the only place where rooms meet. Top to bottom it reads as the flow does: store,
 * line, ways in, ways out, and what looks on. Long because all of that meets here and nowhere else.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAlerts, createDuty } from './alerts/index.ts';
import { createApi, createLiveFeed, createVideoFeed, type Api } from './api/index.ts';
import { createSourceAreas } from './app/areas.ts';
import { createFollowUp } from './app/follow-up.ts';
import { createOwnState } from './app/own-state.ts';
import { cameraFigures } from './app/camera-figures.ts';
import { createCameraJoins } from './app/cameras.ts';
import { createClipKeeper, ringOf } from './app/clips.ts';
import { createAnswerGate } from './app/answers.ts';
import { createDeliveryDesk } from './app/deliveries.ts';
import { createDiskWatch } from './app/disk-watch.ts';
import { createHousekeeping } from './app/housekeeping.ts';
import { createPart, reachable } from './app/parts.ts';
import { createLateReceipts } from './app/receipts.ts';
import { createRulesDesk } from './app/rules-desk.ts';
import { createPassageDeliveries } from './app/passages.ts';
import { createSharing } from './app/sharing.ts';
import { createWaysReload } from './app/ways-reload.ts';
import { changeable, openWaysOut } from './app/ways-out.ts';
import { createWatchList } from './channels/index.ts';
import type { GatewayConfiguration, Loaded } from './config/index.ts';
import type { Change } from './domain/change.ts';
import type { AreaId, CameraId, EvidenceId } from './domain/ids.ts';
import { createPlaces } from './domain/place.ts';
import { createLine } from './events/index.ts';
import { createEvidence, loadEvidenceKeys } from './evidence/index.ts';
import { createIngest, type Ingest } from './ingest/index.ts';
import type { Clock, EpochMs } from './lib/clock.ts';
import { createLifecycle, type Component } from './lib/component.ts';
import { GatewayError } from './lib/errors.ts';
import type { PassKillPoint } from './lib/kill-points.ts';
import { hostPort } from './lib/listen-address.ts';
import type { Logger } from './lib/logger.ts';
import type { Random } from './lib/random.ts';
import { createClaim } from './lib/run-file.ts';
import { createGatewayHealth, createMetrics, createSystemdNotify, createWatchdog } from './observability/index.ts';
import { createFeedbackListeners, createOutbox } from './outbox/index.ts';
import { createPerception } from './perceive/index.ts';
import { createUsers } from './provisioning/index.ts';
import { createRegister } from './register/index.ts';
import { createRules, ruleFolders } from './rules/index.ts';
import { createSeries } from './series/index.ts';
import { createStore } from './store/index.ts';

export interface AppSettings {
  readonly configuration: GatewayConfiguration;
  /** Reads the configuration again, for what may change while the gateway runs; absent: nothing may. */
  readonly reloadConfiguration?: () => Loaded<GatewayConfiguration>;
  /** Folder of the installed program: models, rules and pages stand in it. */
  readonly installDir: URL;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly passKillPoint: PassKillPoint;
  /** Test: a slow disk. */
  readonly fsyncDelayMs: number;
  /** Test: file that steers time and disk (lib/steering.ts). */
  readonly steering?: string | null;
  readonly memoryUsage: () => { readonly rss: number; readonly heapUsed: number; readonly external: number };
  /** `NOTIFY_SOCKET` of a systemd unit; null elsewhere. */
  readonly notifySocket: string | null;
  readonly pid: number;
}

export interface App extends Component {
  /** Where it accepts work; after `start`. */
  ready(): { readonly api: string; readonly mqtt: string | null };
}

/** Longest that one part may take to stop; the outbox drains for 3 s. */
const stopDeadlineMs = 10_000;

/** The gateway that a configuration describes. `start` throws what its parts throw, with everything stopped again. */
export function createApp(settings: AppSettings): App {
  let running: { readonly lifecycle: Component; readonly api: Api; readonly ingest: Ingest } | null = null;
  return {
    name: 'gateway',
    start: async (signal) => {
      const built = await build(settings);
      await built.lifecycle.start(signal);
      running = built;
      built.claim.announce({ api: built.api.address() });
    },
    stop: async () => {
      const stopping = running;
      running = null;
      await stopping?.lifecycle.stop();
    },
    ready: () => {
      if (!running) throw new Error('the gateway does not run');
      const broker = running.ingest.address();
      return { api: running.api.address(), mqtt: broker === null ? null : `mqtt://${hostPort(reachable(broker))}` };
    },
  };
}

async function build(settings: AppSettings) {
  const { clock, random, logger, passKillPoint, version } = settings;
  const configuration = changeable(settings.configuration);
  const { site, gateway, dataDir } = configuration;
  const installed = (name: string): string => fileURLToPath(new URL(name, settings.installDir));
  const claim = createClaim(dataDir, settings.pid, random);
  const places = createPlaces(configuration);
  const timeZone = configuration.alerts.timeZone;

  // What is kept.
  const store = createStore({
    file: join(dataDir, 'kanmen.sqlite'),
    clock,
    logger,
    retention: configuration.retention,
    reserveBytes: configuration.store.reserve,
    fsyncDelayMs: settings.fsyncDelayMs,
    steering: settings.steering ?? null,
  });
  const evidenceDir = join(dataDir, 'evidence');
  const evidenceKeys = loadEvidenceKeys(
    configuration.evidence,
    { dir: evidenceDir, ownFile: join(dataDir, 'evidence.key') },
    random,
  );
  const evidence = createEvidence({
    ...{ dir: evidenceDir, keys: evidenceKeys, random, clock, logger },
    isKnown: (id) => store.evidenceRow(id as EvidenceId) !== undefined,
  });

  // The line: what an event leads to.
  const folders = ruleFolders({ dir: configuration.rules.dir, shipped: installed('rules'), dataDir });
  const rules = createRules({ source: folders, timeZone, options: configuration.rules, logger });
  const rulesDesk = createRulesDesk({
    ...{ rules, folders, timeZone, options: configuration.rules, clock, logger },
    database: join(dataDir, 'kanmen.sqlite'),
  });
  const duty = createDuty(configuration.duty, timeZone);
  const alerts = createAlerts({
    options: configuration.alerts,
    policies: configuration.tiers,
    recipients: configuration.recipients,
    duty,
    places,
    gateway: gateway.id,
    random,
    reads: store,
  });
  const register = createRegister({ options: configuration.register, timeZone, clock, logger });
  const cameraAreas = new Map(
    configuration.cameras.map(({ id, area }) => [id as CameraId, (area ?? null) as AreaId | null]),
  );
  const watchList = createWatchList();
  const passages = createPassageDeliveries({
    ...{ recipients: configuration.recipients, watchList, places, gateway: gateway.id, timeZone, random },
    channels: () => channels,
    pictureSha256: (id) => store.evidenceRow(id)?.sha256 ?? null,
    lastSequence: () => store.lastSequence(),
  });
  const line = createLine({
    store,
    rules,
    alerts,
    register: {
      knows: (plate) => register.knows(plate, clock.now()),
      about: (plate) => {
        const entry = register.entry(plate);
        return entry ? { category: entry.category, registeredUntil: entry.untilMs as EpochMs | null } : {};
      },
    },
    areas: createSourceAreas(store, cameraAreas, () => clock.monotonic()),
    passages,
    refuses: (event) => disk.refusesEvent(event),
    ...{ clock, logger },
  });
  const disk = createDiskWatch({
    ...{ dir: dataDir, options: configuration.store.space, clock, random, logger },
    short: () => store.room.short(),
    accept: (event) => line.accept(event, null),
  });

  // Those who look on are told after the commit.
  const live = createLiveFeed();
  const metrics = createMetrics({
    version,
    clock,
    wires: () => health.wires(),
    refusals: () => sharing.refusals.counts(),
    cameras: () =>
      perception.cameras().map((camera) => ({ ...cameraFigures(camera), framesDecoded: camera.counters.frames })),
    memory: () => {
      const { rss, heapUsed, external } = settings.memoryUsage();
      return { rssBytes: rss, heapUsedBytes: heapUsed, externalBytes: external };
    },
  });
  const lateReceipts = createLateReceipts({ configuration, store });
  const stored = (changes: readonly Change[]): void => {
    live.publish(changes);
    metrics.count(changes);
    canary.stored(changes);
    lateReceipts.stored(changes);
  };
  line.onStored(stored);
  const commit = async (changes: readonly Change[]): Promise<void> => {
    await store.commit(changes);
    stored(changes);
  };

  const sharing = createSharing({
    ...{ keys: evidenceKeys, recipients: configuration.recipients, commit, clock, logger },
    publicUrl: configuration.api.publicUrl ?? null,
  });

  // Ways in.
  const ingest = createIngest({
    options: configuration.mqtt,
    site: site.id,
    devices: {
      find: (key) => store.device(key),
      statuses: () => store.deviceStatuses(),
      version: () => store.devicesVersion(),
    },
    sink: { accept: (event, messageKey) => line.accept(event, messageKey), record: commit },
    clock,
    random,
    logger,
    passKillPoint,
  });
  const joins = createCameraJoins({
    ...{ line, evidence, commit },
    refuses: (use) => disk.refuses(use),
    clipOf: (passage) => clips.ofPassage(passage),
    areas: cameraAreas,
    ...{ clock, random, logger },
  });
  const perception = createPerception({
    cameras: configuration.cameras,
    models: configuration.models,
    perception: configuration.perception,
    transcodersAtOnce: configuration.api.liveVideo.transcodersAtOnce,
    ring: ringOf(configuration.evidence.clips),
    clock,
    logger,
    unit: () => random.unit(),
    onPassage: (passage, jpegs) => joins.onPassage(passage, jpegs),
    onCamera: (change) => joins.onCamera(change),
    onZone: (camera, change) => joins.onZone(camera, change),
    timeZone,
  });

  const clips = createClipKeeper({
    ...{ options: configuration.evidence.clips, perception, evidence, commit, random, logger },
    spaceShort: () => disk.refuses('clips'),
    // A clip that nobody can be told of is found beside its alert; a new version of the notice would only disturb.
    attach: sharing.clipsAreShared ? (id, ref, saved) => line.attachEvidence(id, [ref], [saved]) : null,
    areas: cameraAreas,
  });

  // Ways out, and back.
  const channels = await openWaysOut({
    ...{ configuration, store, evidence, perception, watchList, sharing, commit, clock, random, logger },
  });
  const gate = createAnswerGate({
    ...{ channels: configuration.channels, recipients: configuration.recipients, store },
    refusals: sharing.refusals,
  });
  const outbox = createOutbox({
    channels: channels.byId,
    options: configuration.outbox,
    reads: {
      due: (query) => store.dueDeliveries(query),
      find: (id) => store.delivery(id),
      hasYounger: (delivery) => store.hasYounger(delivery),
      pendingCount: (channel) => store.pendingCount(channel),
    },
    perMinute: (id) => configuration.recipients.find((recipient) => recipient.id === id)?.perMinute ?? null,
    commit,
    onDelivered: async (receipt) => {
      await line.received({ ...receipt, feedback: receipt.feedback.filter((answer) => gate.fault(answer) === null) });
      lateReceipts.received(receipt.delivery);
    },
    clock,
    random,
    logger,
    passKillPoint,
  });
  const followUp = createFollowUp({
    ...{ configuration, places, store, rules, desk: rulesDesk, alerts, duty, commit, clock, random, logger },
    ruleFolders: folders,
    channels: channels.byId,
    wake: () => outbox.wake(),
    accept: (event) => line.accept(event, null),
    lateReceipts,
    ownState: createOwnState({
      ...{ version, dataDir, recipients: configuration.recipients },
      // Of a broken way to somebody else the station need not hear that this gateway is ill.
      healthy: () => health.report().status !== 'unhealthy',
      cameras: () => perception.cameras(),
      devices: () => store.deviceStatuses(),
    }),
  });
  const { canary } = followUp;
  const listeners = createFeedbackListeners({
    channels: channels.byId,
    onFeedback: (feedback) => {
      gate.check(feedback);
      return line.answer(feedback);
    },
    ...{ clock, random, logger },
  });

  channels.onAdded((channel) => {
    outbox.add(channel);
    listeners.add(channel);
  });

  line.onEffect((effect) => {
    if (effect.kind === 'deliveries-due') outbox.wake();
    else if (effect.kind === 'false-alarm-judged') void followUp.judgedFalse(effect.alert);
    else if (effect.kind === 'evidence-wanted') {
      joins.onEvidenceWanted(effect, perception);
      clips.onEvidenceWanted(effect);
    }
  });

  const series = createSeries({
    options: configuration.series,
    site: site.id,
    reads: store,
    commit: store.commit,
    ...{ clock, random, logger },
  });

  // Those who look on.
  const video = createVideoFeed({
    watch: (camera, listener) => perception.live.watch(camera, listener),
    watchMpeg1: (camera, listener) => perception.mpeg1.watch(camera, listener),
  });
  const health = createGatewayHealth({
    store: () => store.health(),
    disk: () => disk.report(),
    links: () => outbox.links(),
    cameras: () => perception.cameras(),
    recipients: () => configuration.recipients.length,
    canaries: () => canary.report(),
    reach: () => alerts.reach(),
    wires: () => [
      ...perception.report(),
      ...ingest.report(),
      ...line.report(),
      store.report(),
      ...outbox.report(),
      live.report(),
      video.report(),
      ...(series ? [series.report()] : []),
    ],
  });
  const users = createUsers({ reads: store, commit, clock, random });
  const { metricsTokenFile } = configuration.api;
  const api = createApi({
    options: configuration.api,
    logger,
    clock,
    random,
    version,
    places,
    recipients: configuration.recipients,
    reads: store,
    commit,
    users,
    answer: (feedback) => line.answer(feedback),
    followUp: followUp.api,
    rules: rulesDesk,
    evidence: {
      open: async (id, options) => {
        const row = store.evidenceRow(id);
        if (!row) throw new GatewayError('evidence.missing', 'there is no such picture', { facts: { id } });
        return { contentType: 'image/jpeg', bytes: await evidence.read(row, options) };
      },
      kindOf: (id) => store.evidenceRow(id)?.mediaKind,
      openClip: async (id) => {
        const row = store.evidenceRow(id);
        if (!row) throw new GatewayError('evidence.missing', 'there is no such clip', { facts: { id } });
        return { contentType: 'video/mp4', ...(await evidence.openClip(row)) };
      },
    },
    shared: sharing.api,
    deliveries: {
      page: (query) => store.deliveryPage(query),
      find: (id) => store.deliveryRecord(id),
      ...createDeliveryDesk({ store, commit, wake: () => outbox.wake(), clock }),
    },
    ...(settings.reloadConfiguration && { waysOut: createWaysReload(settings.reloadConfiguration, channels) }),
    cameras: () =>
      perception.cameras().map((camera) => ({
        ...cameraFigures(camera),
        area: cameraAreas.get(camera.id) ?? null,
      })),
    health: () => health.report(),
    disk: () => disk.report(),
    live,
    video,
    metrics,
    controlToken: claim.token,
    metricsToken: metricsTokenFile === undefined ? null : readFileSync(metricsTokenFile, 'utf8').trim(),
    dashboardDir: installed('dist/dashboard/gateway'),
  });
  const watchdog = createWatchdog({
    options: configuration.watchdog,
    socket: settings.notifySocket,
    // Not what /health says: on a full disk a new start mends nothing and drops every device, while red alerts still go out.
    healthy: () => store.health().healthy,
    clock,
    logger,
    notify: createSystemdNotify({ socket: settings.notifySocket ?? '' }),
  });

  // Start order; stop is the reverse: ways in close first, the store last.
  const lifecycle = createLifecycle(
    [
      claim,
      store,
      evidence,
      register,
      line,
      disk,
      rulesDesk,
      createPart('channels', () => channels.close()),
      followUp.strays,
      outbox,
      canary,
      listeners,
      createHousekeeping({
        tick: () => line.tick(),
        sweep: (nowMs) => store.sweep(nowMs),
        removeEvidence: (paths) => evidence.remove(paths),
        clock,
        logger,
      }),
      api,
      // Devices first: models take seconds to load, and a smoke alarm does not wait for them.
      ingest,
      clips,
      ...(configuration.cameras.length > 0 ? [perception] : []),
      ...(series ? [series] : []),
      watchdog,
    ],
    { clock, stopDeadlineMs },
  );
  return { lifecycle, api, ingest, claim };
}
