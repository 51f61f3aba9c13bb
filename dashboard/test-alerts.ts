/** For the desk's browser tests: matters as gateways tell them, in any number, told by a gateway that the test plays. */
import { symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { v7 } from 'uuid';
import type { NoticeEvent } from '../gateway/domain/notice.ts';
import { deskFolder, noticeEvent, startDesk, type TestDesk, type TestGateway } from '../test/desk/fixture.ts';
import { builtDir } from './test-browser.ts';

/** The real desk, with the built page in the folder where its installation would have it. */
export async function startDeskWithPage(
  gateways: readonly string[] = ['east'],
  config: Record<string, unknown> = {},
): Promise<{ desk: TestDesk; gateway: TestGateway }> {
  const folder = deskFolder(gateways);
  symlinkSync(resolve(builtDir, '..'), join(folder.dir, 'dist'));
  const desk = await startDesk({ folder, gateways, config });
  return { desk, gateway: desk.gateway(gateways[0] ?? 'east') };
}

const matters = [
  [
    'red',
    'fire.smoke',
    '3号楼充电棚 烟感报警',
    'Smoke in the shed of house 3',
    '烟雾浓度超过报警线',
    'Smoke over the alarm line',
  ],
  [
    'orange',
    'charging.over-temperature',
    '5号桩2口 插口过热',
    'Port 2 of pile 5 too hot',
    '插口 78 °C，仍在上升',
    'The port is at 78 °C and rising',
  ],
  [
    'yellow',
    'gate.unknown-vehicle',
    '陌生车辆夜间停留',
    'Unknown vehicle stays overnight',
    '连续三晚在小区过夜，未登记',
    'Third night in the compound, not registered',
  ],
  ['blue', 'device.low-battery', '烟感电量低', 'Smoke sensor battery low', '剩余电量 12 %', '12 % left'],
  ['red', 'fire.heat', '7号楼地下车库 温感报警', 'Heat in the garage of house 7', '温度 71 °C', 'At 71 °C'],
  [
    'yellow',
    'gate.unregistered-tenant',
    '出租屋新面孔频繁出入',
    'New faces at a rented room',
    '七天内 12 次',
    '12 times in seven days',
  ],
] as const;
const places = ['3号楼充电棚', '东门', '5号楼西侧', '地下车库B区', '物业中心', '7号楼'];

/** `count` open matters of all tiers, the oldest first, at several stages of their lives. */
export function manyAlerts(count: number, firstAt: number, gateway = 'east', reds = count): NoticeEvent[] {
  return Array.from({ length: count }, (_, n) => {
    const [tier, kind, zh, en, zhMessage, enMessage] = matters[n % matters.length] ?? matters[0];
    const name = places[n % places.length] ?? '';
    const at = new Date(firstAt + n * 1000);
    const red = tier === 'red' && n >= reds;
    const stage = n % 5;
    const taken = stage >= 2 && tier !== 'blue';
    return noticeEvent('raised', {
      alertId: v7(),
      version: 1,
      at,
      tier: red ? 'yellow' : tier,
      kind,
      title: { zh, en },
      message: { zh: zhMessage, en: enMessage },
      gateway,
      place: {
        site: { id: gateway, name: '东苑小区' },
        area: { id: `area-${n % places.length}`, name },
        grid: { id: 'grid-1', name: '第一网格', people: ['王芳'] },
        name,
      },
      source: `fire/f-${String(n).padStart(4, '0')}`,
      state: taken ? (stage === 4 ? 'in-progress' : 'acknowledged') : 'delivered',
      owner: taken ? (['李警官', '王警官', '赵警官'][n % 3] ?? null) : null,
      acknowledgedAt: taken ? at.toISOString() : null,
      escalation: stage === 1 ? 1 : 0,
      deadline:
        tier === 'blue' ? null : new Date(at.getTime() + (red ? 300_000 : 3_600_000 * (1 + (n % 7)))).toISOString(),
    });
  });
}
