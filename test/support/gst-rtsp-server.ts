import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { spawnTied } from './tied-child.ts';

export interface GstRtspServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts GStreamer's RTSP server on a free port; `args` as in gst-rtsp-server.py. */
export async function startGstRtspServer(args: readonly string[] = []): Promise<GstRtspServer> {
  // Debian's gi belongs to /usr/bin/python3; another python in PATH would not find it.
  const child = spawnTied('/usr/bin/python3', [join(import.meta.dirname, 'gst-rtsp-server.py'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`gst-rtsp-server.py ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve((JSON.parse(line) as { port: number }).port),
    );
  });
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
