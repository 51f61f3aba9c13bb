import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createRegister, normalisePlate, parseVehicles, registerOptions } from './index.ts';

const zone = 'Asia/Shanghai';
const good = 'plate,category,unit,until\n浙B12345,resident,3-1-501,\n浙BD12345,tenant,3-1-502,2026-06-30\n';

describe('plates', () => {
  it.each([
    ['浙B·12345', '浙B12345'],
    ['浙Ｂ１２３４５', '浙B12345'],
    [' 浙b 123 45 ', '浙B12345'],
    ['浙B-12345', '浙B12345'],
    ['浙B.1234O', '浙B12340'],
    ['浙BI2345', '浙B12345'],
    ['浙O12345', '浙O12345'],
    ['粤Z·1234港', '粤Z1234港'],
    ['浙B・D12345', '浙BD12345'],
  ])('are compared without how they were typed: %s', (typed, plate) => {
    expect(normalisePlate(typed)).toBe(plate);
    expect(normalisePlate(plate)).toBe(plate);
  });
});

describe('the file of vehicles', () => {
  const faults = (text: string): string[] => {
    const parsed = parseVehicles(text, zone);
    return parsed.kind === 'faults' ? parsed.faults.map(({ line, reason }) => `${line}: ${reason}`) : [];
  };

  it('is read with an English or a Chinese header, in any order of columns', () => {
    const chinese =
      '\uFEFF类别,车牌号,有效期至,房号\r\n业主,浙B·12345,,3-1-501\r\n租客,浙BD12345,2026年6月30日,3-1-502\r\n';
    expect(parseVehicles(chinese, zone)).toEqual(parseVehicles(good, zone));
    expect(parseVehicles(good, zone)).toEqual({
      kind: 'vehicles',
      vehicles: [
        { plate: '浙B12345', category: 'resident', unit: '3-1-501', untilMs: null },
        {
          plate: '浙BD12345',
          category: 'tenant',
          unit: '3-1-502',
          untilMs: Date.parse('2026-06-30T23:59:59.999+08:00'),
        },
      ],
    });
  });

  it('needs plate and category only', () => {
    expect(parseVehicles('车牌,类型\n浙B12345,访客\n', zone)).toMatchObject({ vehicles: [{ category: 'visitor' }] });
  });

  it('is refused with every fault and its line', () => {
    const text =
      'plate,category,unit,until\n浙B12345,resident,1,\n?,resident,2,\n浙B22222,owner,3,\n\n浙B33333,tenant,4,30.6.2026\n浙B·12345,service,5,\n浙B44444,visitor,6,,x\n';
    expect(faults(text)).toEqual([
      '3: "?" is no plate',
      '4: "owner" is no category; known: resident/业主, tenant/租户, visitor/访客, service/服务',
      '6: "30.6.2026" is no day; write 2026-12-31',
      '7: 浙B12345 stands in line 2 already',
      '8: 5 fields where the header has 4',
    ]);
  });

  it.each([
    ['', '1: the file is empty'],
    ['浙B12345,resident\n', '1: unknown column "浙B12345"; known: plate/车牌, category/类别, unit/房号, until/有效期'],
    ['plate\n浙B12345\n', '1: the column category is missing'],
    ['plate,车牌,category\n', '1: the column plate stands there twice'],
  ])('is refused for its header: %s', (text, fault) => {
    expect(faults(text)).toContain(fault);
  });

  it('is refused with a quote that does not end', () => {
    expect(faults('plate,category\n"浙B12345,resident\n')[0]).toMatch(/^\d+: not CSV: /);
  });

  it('is refused with a day that does not exist', () => {
    expect(faults('plate,category,until\n浙B12345,tenant,2026-02-30\n')).toHaveLength(1);
  });
});

describe('the register', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kanmen-register-'));
    file = join(folder, 'vehicles.csv');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const clock = createFakeClock();
  const begin = async (vehiclesFile?: string) => {
    const register = createRegister({
      options: registerOptions.parse(vehiclesFile === undefined ? {} : { vehiclesFile, lookEvery: '1s' }),
      timeZone: zone,
      clock,
      logger: silentLogger,
    });
    await register.start(new AbortController().signal);
    return register;
  };
  /** Lets it look until the condition holds; file reads end in real time, looks come by the clock. */
  const lookUntil = async (condition: () => boolean): Promise<void> => {
    for (let look = 0; !condition(); look += 1) {
      if (look > 500) throw new Error('did not happen');
      await clock.advance(1000);
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
  };
  let stamp = 1_700_000_000;
  const write = async (text: string | Uint8Array): Promise<void> => {
    await writeFile(file, text);
    // Two writes within one tick of the file system's clock are still two.
    stamp += 1;
    await utimes(file, stamp, stamp);
  };

  it('knows nothing, and says so, where there is none', async () => {
    const register = await begin();
    expect(register.knows('浙B12345')).toBeNull();
    await register.stop();
  });

  it('knows the plates of its file, each as long as it is good', async () => {
    await write(good);
    const register = await begin(file);
    expect(register.knows('浙B·I2345')).toBe(true);
    expect(register.knows('浙B99999')).toBe(false);
    expect(register.knows('浙BD12345', Date.parse('2026-06-30T23:00:00+08:00') as EpochMs)).toBe(true);
    expect(register.knows('浙BD12345', Date.parse('2026-07-01T00:00:00+08:00') as EpochMs)).toBe(false);
    expect(register.find('浙BD12345', 0 as EpochMs)).toMatchObject({ category: 'tenant', unit: '3-1-502' });
    expect(register.status()).toMatchObject({ vehicles: 2, faults: [] });
    await register.stop();
  });

  it('takes a changed file, and keeps the old set whole when the new one is wrong or gone', async () => {
    await write(good);
    const register = await begin(file);
    await write('plate,category\n浙B99999,service\n');
    await lookUntil(() => register.knows('浙B99999') === true);
    expect(register.knows('浙B12345')).toBe(false);

    await write('plate,category\n浙B11111,service\n浙B22222,nonsense\n');
    await lookUntil(() => register.status().faults.length > 0);
    expect(register.status().faults).toMatchObject([{ line: 3 }]);
    expect(register.knows('浙B11111')).toBe(false);
    expect(register.knows('浙B99999')).toBe(true);

    await rm(file);
    await lookUntil(() => register.status().faults[0]?.line === 0);
    expect(register.status().faults[0]?.reason).toBe('the file cannot be read: ENOENT');
    expect(register.knows('浙B99999')).toBe(true);

    await write(good);
    await lookUntil(() => register.knows('浙B12345') === true);
    expect(register.status().faults).toEqual([]);
    await register.stop();
  });

  it('starts without its file, and takes it when it comes', async () => {
    const register = await begin(file);
    expect(register.knows('浙B12345')).toBeNull();
    expect(register.status().faults).toHaveLength(1);
    await write(good);
    await lookUntil(() => register.knows('浙B12345') === true);
    await register.stop();
  });

  it('reads what a spreadsheet on Chinese Windows saves', async () => {
    // 车牌,类别 / 浙B12345,业主 in GBK.
    const gbk = Buffer.from('b3b5c5c62cc0e0b1f00d0ad5e34231323334352cd2b5d6f70d0a', 'hex');
    await write(gbk);
    const register = await begin(file);
    expect(register.status().faults).toEqual([]);
    expect(register.knows('浙B12345')).toBe(true);
    await register.stop();
  });
});
