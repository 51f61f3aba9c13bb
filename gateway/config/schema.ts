import { z } from 'zod';
import { alertsOptions, dutyOptions, recipientsOptions, tiersOptions } from '../alerts/options.ts';
import { apiOptions } from '../api/options.ts';
import { channelsOptions } from '../channels/options.ts';
import { idPattern, type AreaId, type GridId, type SiteId } from '../domain/ids.ts';
import { evidenceOptions } from '../evidence/options.ts';
import { mqttOptions } from '../ingest/options.ts';
import { watchdogOptions } from '../observability/options.ts';
import { outboxOptions } from '../outbox/options.ts';
import { camerasOptions, modelsOptions, perceptionOptions } from '../perceive/options.ts';
import { registerOptions } from '../register/options.ts';
import { rulesOptions } from '../rules/options.ts';
import { seriesOptions } from '../series/options.ts';
import { retentionOptions, storeOptions } from '../store/options.ts';

const id = (what: string) =>
  z
    .string()
    .regex(
      idPattern,
      'an id of letters, digits, dot, dash and underscore, at most 64, beginning with a letter or digit',
    )
    .describe(what);
const name = (what: string) => z.string().min(1).max(100).describe(what);

const siteOptions = z.strictObject({
  id: id('Id of the compound; second level of every MQTT topic').transform((text) => text as SiteId),
  name: name('Name of the compound as people say it'),
});

const areaOptions = z.strictObject({
  id: id('Id of the area').transform((text) => text as AreaId),
  name: name('Name of the area as people say it'),
  grid: id('The grid it lies in, one of grids[].id')
    .transform((text) => text as GridId)
    .nullable()
    .default(null),
});

const gridOptions = z.strictObject({
  id: id('Id of the grid').transform((text) => text as GridId),
  name: name('Name of the grid'),
  people: z.array(z.string().min(1).max(100)).default([]).describe('Who is responsible for it'),
});

const gatewayOptions = z
  .strictObject({
    id: id('Name of this gateway towards recipients; unlike any other at the same station').default('gw-1'),
  })
  .prefault({});

const logOptions = z
  .strictObject({
    level: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
      .default('info')
      .describe('Least severity that is written'),
  })
  .prefault({})
  .describe('Log lines, JSON on stderr');

/** The whole of kanmen.yaml. Closed: an unknown key is an error. Every field has a default but `site`. */
export const gatewaySchema = z
  .strictObject({
    site: siteOptions.describe('The compound'),
    gateway: gatewayOptions.describe('This gateway'),
    dataDir: z.string().min(1).default('data').describe('Folder for database and pictures; relative to this file'),
    areas: z.array(areaOptions).default([]).describe('Where devices and cameras stand'),
    grids: z.array(gridOptions).default([]).describe('Grids and who is responsible for them'),
    cameras: camerasOptions,
    models: modelsOptions,
    perception: perceptionOptions,
    mqtt: mqttOptions,
    api: apiOptions.prefault({}).describe('HTTP API and dashboard'),
    recipients: recipientsOptions,
    duty: dutyOptions,
    channels: channelsOptions,
    outbox: outboxOptions.prefault({}).describe('How deliveries are sent and tried again'),
    alerts: alertsOptions.prefault({}).describe('How an alert is followed up'),
    tiers: tiersOptions,
    rules: rulesOptions.prefault({}),
    register: registerOptions,
    retention: retentionOptions.prefault({}).describe('How long things are kept'),
    store: storeOptions.prefault({}).describe('The database'),
    evidence: evidenceOptions.prefault({}).describe('Sealed pictures and clips'),
    series: seriesOptions.prefault({}),
    watchdog: watchdogOptions.prefault({}).describe('The word to systemd'),
    log: logOptions,
  })
  .describe('Configuration of a Kanmen gateway');

export type GatewayConfiguration = z.output<typeof gatewaySchema>;
