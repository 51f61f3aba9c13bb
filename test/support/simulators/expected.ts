import { approachTimes } from './motion.ts';
import { walkMs } from './person.ts';
import type { SimulatedColor, SimulatedKind } from './plate-text.ts';
import type { Story } from './story.ts';

/** What must be seen at the gateway and the desk when the story is over, told from the story alone. */
export interface Expected {
  readonly passages: readonly ExpectedPassage[];
  readonly persons: readonly ExpectedPerson[];
  readonly sessions: readonly ExpectedSession[];
  readonly alerts: readonly ExpectedAlert[];
  /** One receipt for each alert at each recipient. */
  readonly receipts: readonly ExpectedAnswer[];
  /** One acknowledgement for each alert, given at the desk and known at the gateway. */
  readonly acknowledgements: readonly ExpectedAnswer[];
}

export interface ExpectedPassage {
  readonly camera: string;
  readonly text: string;
  readonly kind: SimulatedKind;
  readonly color: SimulatedColor;
  readonly direction: 'in' | 'out';
  /** From coming into view to leaving it, ms after the story's start. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ExpectedPerson {
  readonly camera: string;
  readonly direction: 'in' | 'out';
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ExpectedSession {
  /** `charger/<id>`. */
  readonly device: string;
  readonly port: number;
  readonly order: string;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly stopReason: string | null;
}

export interface ExpectedAlert {
  /** Name of the alert in the table and in answers. */
  readonly name: string;
  readonly tier: 'red' | 'orange';
  readonly area: string;
  /** Kinds it may have: several matches may join one alert. */
  readonly kinds: readonly string[];
  /** Devices that its source may be; null allows a whole area. */
  readonly sources: readonly (string | null)[];
  /** Evidence comes from a camera in this area. */
  readonly evidenceCameras: readonly string[];
  readonly fromMs: number;
}

export interface ExpectedAnswer {
  readonly alert: string;
  readonly recipient: string;
}

export interface ExpectedOptions {
  /** Ids of the recipients that must have each tier, as the demo's configuration and rules say. */
  readonly recipients: Readonly<Record<'red' | 'orange', readonly string[]>>;
  /** The recipient whose people acknowledge. */
  readonly acknowledgedBy: string;
}

/** Everything that must be seen, and by `compare` nothing else. Pure. */
export function expected(story: Story, options: ExpectedOptions): Expected {
  const alerts = expectedAlerts(story);
  return {
    passages: story.cameras.flatMap((camera) =>
      camera.vehicles.map(({ plate, atMs, approach }) => ({
        camera: camera.id,
        ...plate,
        direction: camera.direction,
        fromMs: atMs,
        toMs: atMs + approachTimes(approach).goneMs,
      })),
    ),
    persons: story.cameras.flatMap((camera) =>
      camera.persons.map(({ atMs }) => ({
        camera: camera.id,
        direction: camera.direction,
        fromMs: atMs,
        toMs: atMs + walkMs,
      })),
    ),
    sessions: story.sessions.map((session) => ({
      device: `charger/${session.pile}`,
      port: session.port,
      order: session.order,
      startedMs: session.atMs,
      endedMs: session.endsAfterMs === null ? null : session.atMs + session.endsAfterMs,
      stopReason: session.stopReason,
    })),
    alerts,
    receipts: alerts.flatMap(({ name, tier }) =>
      options.recipients[tier].map((recipient) => ({ alert: name, recipient })),
    ),
    acknowledgements: alerts.map(({ name }) => ({ alert: name, recipient: options.acknowledgedBy })),
  };
}

function expectedAlerts(story: Story): ExpectedAlert[] {
  const camerasIn = (area: string): string[] =>
    story.cameras.filter((camera) => camera.area === area).map((camera) => camera.id);
  const areaOf = (device: { id: string; area: string } | undefined): string => device?.area ?? '';
  return [
    ...story.heats.map((heat): ExpectedAlert => {
      const area = areaOf(story.piles.find((pile) => pile.id === heat.pile));
      return {
        name: `over-temperature ${heat.pile}/${heat.port}`,
        tier: 'orange',
        area,
        kinds: ['charging.over-temperature'],
        sources: [`charger/${heat.pile}`],
        evidenceCameras: camerasIn(area),
        fromMs: heat.atMs,
      };
    }),
    ...story.smokes.map((smoke): ExpectedAlert => {
      const area = areaOf(story.sensors.find((sensor) => sensor.id === smoke.sensor));
      const heat = story.heats.find((one) => areaOf(story.piles.find((pile) => pile.id === one.pile)) === area);
      return {
        name: `smoke ${smoke.sensor}`,
        tier: 'red',
        area,
        // Smoke and heat in one shed are told as one matter; which of the two rules names it is the rules' business.
        kinds: ['fire.smoke', 'fire.charging'],
        sources: [`fire/${smoke.sensor}`, heat ? `charger/${heat.pile}` : null, null],
        evidenceCameras: camerasIn(area),
        fromMs: smoke.atMs,
      };
    }),
  ];
}
