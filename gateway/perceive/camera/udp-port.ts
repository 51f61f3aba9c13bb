import { createSocket, type Socket } from 'node:dgram';

/** A socket on this port of all addresses, with room for half a second of video; null: the port is taken. */
export function bindUdp(port: number, family: 'udp4' | 'udp6'): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createSocket(family);
    socket.once('error', () => resolve(null));
    socket.bind(port, () => {
      socket.removeAllListeners('error').on('error', () => undefined);
      try {
        // The kernel's 208 kB are half a second at 3 Mbit/s; a model may hold this thread for as long.
        socket.setRecvBufferSize(2_000_000);
      } catch {
        // Less memory means more loss on a busy box, and nothing worse.
      }
      resolve(socket);
    });
  });
}
