import { noticeTypes, type NoticeData, type NoticeEvent } from '../domain/notice.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import { answersTo, toldByRow, toOwnAnswer, type AlertRow } from './alert-row.ts';
import type { DeskData } from './data/desk-data.ts';
import type { GatewayEntry } from './gateway-book.ts';
import type { Receiver } from './receiver.ts';
import { shownOwnStanding } from './standing.ts';

/** Alerts that the desk raises itself, about a gateway: told through the same door as those of gateways. */
export interface OwnAlerts {
  /** One open alert a gateway, however often it is called. */
  silent(gateway: GatewayEntry, since: EpochMs): Promise<void>;
  back(gateway: GatewayEntry): Promise<void>;
}

/** What somebody must do about a silent gateway cannot wait for a day, and is no fire: orange's 4 hours. */
const tier = 'orange';
const acknowledgeMs = 4 * 3_600_000;

export function createOwnAlerts(options: {
  readonly data: DeskData;
  readonly receiver: Pick<Receiver, 'raiseOwn'>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'id'>;
}): OwnAlerts {
  const { data, receiver, clock, random } = options;

  const openOne = (gateway: string): Promise<AlertRow | undefined> =>
    data.get<AlertRow>('SELECT * FROM alert WHERE gateway = ? AND own = 1 AND open = 1', gateway);

  const event = (change: keyof typeof noticeTypes, at: string, told: NoticeData): NoticeEvent => ({
    specversion: '1.0',
    id: random.id(),
    source: '/desk',
    subject: told.alertId,
    time: at,
    datacontenttype: 'application/json',
    type: noticeTypes[change],
    data: told,
  });

  return {
    silent: async (gateway, since) => {
      if (await openOne(gateway.id)) return;
      const now = clock.now();
      const at = new Date(now).toISOString();
      const alertId = random.id();
      await receiver.raiseOwn(
        gateway,
        event('raised', at, {
          alertId,
          noticeId: random.id(),
          version: 1,
          form: 'report',
          tier,
          kind: 'desk.gateway-silent',
          state: 'delivered',
          title: { zh: `${gateway.name} 网关失联`, en: `${gateway.name}: gateway silent` },
          message: {
            zh: '网关没有任何消息：其间的预警到不了这里。请联系物业检查供电和网络。',
            en: 'Nothing is heard of the gateway: alerts of that compound cannot arrive. Have power and network looked at.',
          },
          occurredAt: new Date(since).toISOString(),
          raisedAt: at,
          lastAt: at,
          count: 1,
          place: { site: { id: gateway.id, name: gateway.name }, area: null, grid: null, name: gateway.name },
          gateway: gateway.id,
          source: null,
          facts: { silentSince: new Date(since).toISOString() },
          evidence: [],
          owner: null,
          acknowledgedAt: null,
          escalation: 0,
          deadline: new Date(now + acknowledgeMs).toISOString(),
          rule: { id: 'desk-gateway-silent', version: '1' },
          news: { kind: 'raised', by: 'desk', at, text: '' },
        }),
      );
    },
    back: async (gateway) => {
      const row = await openOne(gateway.id);
      if (!row) return;
      const answers = (await answersTo(data, row.id)).map(toOwnAnswer);
      const { owner, acknowledgedAt } = shownOwnStanding(toldByRow(row), answers);
      const at = new Date(clock.now()).toISOString();
      await receiver.raiseOwn(
        gateway,
        event('closed', at, {
          ...(JSON.parse(row.data) as NoticeData),
          noticeId: random.id(),
          version: row.version + 1,
          state: 'closed',
          lastAt: at,
          owner,
          acknowledgedAt: acknowledgedAt === null ? null : new Date(acknowledgedAt).toISOString(),
          deadline: null,
          news: { kind: 'closed', by: 'desk', at, text: '网关恢复 heard again' },
        }),
      );
    },
  };
}
