import sharp from 'sharp';
import { GatewayError } from '../lib/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { DeskAuditAction } from './audit-actions.ts';
import { auditStatement } from './audit.ts';
import type { DeskData } from './data/desk-data.ts';
import type { Plan } from './shapes-gateways.ts';

export interface Plans {
  get(gateway: string): Promise<Plan>;
  image(gateway: string): Promise<{ readonly mediaType: string; readonly bytes: Uint8Array } | null>;
  /** GatewayError `picture.unreadable` or `picture.too-large`. */
  putImage(gateway: string, bytes: Uint8Array, actor: string): Promise<void>;
  putPoints(gateway: string, points: Plan['points'], actor: string): Promise<void>;
}

interface PlanRow {
  readonly media_type: NonNullable<Plan['image']>['mediaType'] | null;
  readonly width_px: number | null;
  readonly height_px: number | null;
  readonly changed_at: number;
  readonly points: string;
}

const mediaTypes = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' } as const;
/** A plan as printed on A3 at 400 dpi. */
const maxPixels = 40_000_000;

const maxPlaces = 1000;
/** The different values of a column among one gateway's alerts: from one to the next by the index, not through all rows. */
const different = (column: 'area_id' | 'source'): string =>
  `WITH RECURSIVE found (value) AS (
     SELECT min(${column}) FROM alert WHERE gateway = ? AND ${column} IS NOT NULL
     UNION ALL
     SELECT (SELECT min(${column}) FROM alert WHERE gateway = ? AND ${column} > found.value)
     FROM found WHERE found.value IS NOT NULL)`;

/** Plans of compounds, with where areas and devices are on them. */
export function createPlans(data: DeskData, clock: Clock): Plans {
  const ensure = (gateway: string) => ({
    sql: `INSERT INTO plan (gateway, changed_at, points) VALUES (?, ?, '[]') ON CONFLICT (gateway) DO NOTHING`,
    params: [gateway, clock.now()],
  });
  const audited = (by: string, action: DeskAuditAction, gateway: string) =>
    auditStatement({ at: clock.now(), by, action, subject: gateway });

  return {
    get: async (gateway) => {
      const [row, areas, sources] = await Promise.all([
        data.get<PlanRow>(
          'SELECT media_type, width_px, height_px, changed_at, points FROM plan WHERE gateway = ?',
          gateway,
        ),
        data.all<{ id: string; data: string }>(
          `${different('area_id')} SELECT value AS id, (SELECT data FROM alert WHERE gateway = ? AND area_id = value
             ORDER BY occurred_at DESC LIMIT 1) AS data
           FROM found WHERE value IS NOT NULL LIMIT ${maxPlaces}`,
          ...[gateway, gateway, gateway],
        ),
        data.all<{ id: string }>(
          `${different('source')} SELECT value AS id FROM found WHERE value IS NOT NULL LIMIT ${maxPlaces}`,
          ...[gateway, gateway],
        ),
      ]);
      const named = areas.map(({ id, data: text }) => {
        const { place } = JSON.parse(text) as { place: { area: { name: string } | null } };
        return { kind: 'area' as const, id, name: place.area?.name ?? id };
      });
      const image =
        row?.media_type != null && row.width_px !== null && row.height_px !== null
          ? {
              url: `api/plans/${encodeURIComponent(gateway)}/image?v=${row.changed_at}`,
              mediaType: row.media_type,
              widthPx: row.width_px,
              heightPx: row.height_px,
            }
          : null;
      return {
        gateway,
        image,
        points: row ? (JSON.parse(row.points) as Plan['points']) : [],
        places: [...named, ...sources.map(({ id }) => ({ kind: 'source' as const, id, name: id }))],
      };
    },
    image: async (gateway) => {
      const row = await data.get<{ media_type: string | null; bytes: Uint8Array | null }>(
        'SELECT media_type, bytes FROM plan WHERE gateway = ?',
        gateway,
      );
      return row?.media_type != null && row.bytes !== null ? { mediaType: row.media_type, bytes: row.bytes } : null;
    },
    putImage: async (gateway, bytes, actor) => {
      const found = await sharp(bytes, { limitInputPixels: maxPixels })
        .metadata()
        .catch((cause: unknown) => {
          throw new GatewayError('picture.unreadable', 'not a picture that can be read', { cause });
        });
      const mediaType = mediaTypes[found.format as keyof typeof mediaTypes] as string | undefined;
      if (mediaType === undefined) {
        throw new GatewayError('picture.unreadable', 'a plan is a PNG, JPEG or WebP picture', {
          facts: { format: found.format },
        });
      }
      if (found.width * found.height > maxPixels) {
        throw new GatewayError('picture.too-large', `a plan has at most ${maxPixels / 1_000_000} million pixels`);
      }
      await data.write([
        ensure(gateway),
        {
          sql: `UPDATE plan SET media_type = ?, width_px = ?, height_px = ?, bytes = ?, changed_at = ? WHERE gateway = ?`,
          params: [mediaType, found.width, found.height, bytes, clock.now(), gateway],
        },
        audited(actor, 'plan.image', gateway),
      ]);
    },
    putPoints: async (gateway, points, actor) => {
      await data.write([
        ensure(gateway),
        { sql: 'UPDATE plan SET points = ? WHERE gateway = ?', params: [JSON.stringify(points), gateway] },
        audited(actor, 'plan.points', gateway),
      ]);
    },
  };
}
