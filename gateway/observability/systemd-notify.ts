import { execFile } from 'node:child_process';
import type { Notify } from './watchdog.ts';

/** One word must be out long before the next is due. */
const timeoutMs = 5000;

/**
 * `Notify` through systemd's own command. Node has no unix datagram sockets, and a native module for two words a minute
 * is not worth its build; the command costs about 5 ms of another process. The unit needs `NotifyAccess=all`, because the
 * sender is a child. systemd-notify waits until its word has been read (its barrier), so that it is never lost with it.
 */
export function createSystemdNotify(options: {
  /** `NOTIFY_SOCKET`: a path, or `@name` for the abstract namespace. */
  readonly socket: string;
  readonly command?: string;
}): Notify {
  const command = options.command ?? '/usr/bin/systemd-notify';
  return (state) =>
    new Promise((resolve, reject) => {
      execFile(command, [...state], { env: { NOTIFY_SOCKET: options.socket }, timeout: timeoutMs }, (error) => {
        if (error) reject(new Error(`${command} failed`, { cause: error }));
        else resolve();
      });
    });
}
