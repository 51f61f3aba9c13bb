import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import type { GatewayConfiguration } from '../config/index.ts';
import type { AreaId } from '../domain/ids.ts';
import { rfc3339 } from '../lib/local-time.ts';
import { createDevices, type Devices, type IssuedCredential } from '../provisioning/index.ts';
import { commandLineActor, withGateway, type ToolContext } from './context.ts';

type DeviceCommands = Pick<
  Commands,
  'devicesAdd' | 'devicesList' | 'devicesRemove' | 'devicesRotate' | 'devicesLastFault'
>;

export function createDeviceCommands(context: ToolContext): DeviceCommands {
  const { out, err, clock, random } = context;
  const withDevices = (
    file: string,
    work: (devices: Devices, configuration: GatewayConfiguration) => Promise<ExitCode>,
  ): Promise<ExitCode> =>
    withGateway(context, file, (configuration, store) =>
      work(
        createDevices({ site: configuration.site.id, reads: store, commit: store.commit, clock, random }),
        configuration,
      ),
    );
  const show = (issued: IssuedCredential, json: boolean): void => {
    if (json) out(formatJsonLines([issued]));
    else
      out(
        `MQTT user     ${issued.username}\npassword      ${issued.password}   (shown once, kept nowhere)\ntopics        ${issued.topicPrefix}/…\n`,
      );
  };
  return {
    devicesAdd: (keys, { config, area, json }) =>
      withDevices(config, async (devices, { areas }) => {
        if (area !== undefined && !areas.some(({ id }) => id === area)) {
          err(`there is no area ${area}; the configuration has: ${areas.map(({ id }) => id).join(', ') || 'none'}\n`);
          return exitCodes.failed;
        }
        for (const issued of await devices.addAll(keys, (area ?? null) as AreaId | null, commandLineActor))
          show(issued, json);
        return exitCodes.fine;
      }),
    devicesList: ({ config, json }) =>
      withDevices(config, (devices, { alerts, areas }) => {
        const at = (time: Parameters<typeof rfc3339>[0] | null): string | null =>
          time === null ? null : rfc3339(time, alerts.timeZone);
        const rows = devices.list().map(({ key, area, createdAt, state, lastHeardAt, lastFault, lastFaultAt }) => ({
          ...{
            device: key,
            area,
            state,
            lastHeardAt: at(lastHeardAt),
            lastFault,
            lastFaultAt: at(lastFaultAt),
            createdAt: at(createdAt),
          },
        }));
        if (json) out(formatJsonLines(rows));
        else if (rows.length === 0) err('no devices yet: kanmen devices add charger/<id> --area <area>\n');
        else {
          const name = (id: string | null): string => areas.find((area) => area.id === id)?.name ?? '–';
          out(
            formatTable(
              rows.map((row) => ({ ...row, area: name(row.area) })),
              { device: 'device', area: 'area', state: 'state', lastHeardAt: 'last heard', lastFault: 'last fault' },
            ),
          );
        }
        return Promise.resolve(exitCodes.fine);
      }),
    devicesRemove: (key, { config, json }) =>
      withDevices(config, async (devices) => {
        await devices.remove(key, commandLineActor);
        out(json ? formatJsonLines([{ removed: key }]) : `${key} is shut out\n`);
        return exitCodes.fine;
      }),
    devicesRotate: (key, { config, json }) =>
      withDevices(config, async (devices) => {
        show(await devices.rotate(key, commandLineActor), json);
        return exitCodes.fine;
      }),
    devicesLastFault: (key, { config, json }) =>
      withDevices(config, (devices, { alerts }) => {
        const found = devices.lastFault(key);
        const at = found?.at === null || found === null ? null : rfc3339(found.at, alerts.timeZone);
        if (json) out(formatJsonLines([{ device: key, fault: found?.fault ?? null, at }]));
        else out(found ? `${at ?? ''} ${found.fault}\n` : `${key} has done nothing wrong\n`);
        return Promise.resolve(exitCodes.fine);
      }),
  };
}
