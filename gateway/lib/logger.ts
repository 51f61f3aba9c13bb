import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Keys that never reach a log line, whatever object they stand in. Pixels, credentials, plates, faces. */
export const redactedKeys = [
  'password',
  'secret',
  'token',
  'authorization',
  'cookie',
  'plate',
  'plateText',
  'jpeg',
  'image',
  'payload',
  'face',
] as const;

const urlCredentials = /([a-z][a-z0-9+.-]*:\/\/)[^/\s:@]+:[^/\s@]+@/gi;

/** `rtsp://user:word@host/x` → `rtsp://***@host/x`, in any text. */
export function hideUrlCredentials(text: string): string {
  return text.replace(urlCredentials, '$1***@');
}

/** Logger of the process: JSON lines; the message a constant lower-case phrase, the facts as fields. */
export function createLogger(options: { readonly level: LogLevel; readonly destination?: DestinationStream }): Logger {
  const paths = redactedKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  const settings = {
    level: options.level,
    redact: { paths, censor: '***' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: {
      streamWrite: hideUrlCredentials,
    },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}

export const silentLogger: Logger = pino({ level: 'silent' });
