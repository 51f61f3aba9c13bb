import { z } from 'zod';

export interface ListenAddress {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

const portSchema = z.int().min(0).max(65_535);
const hint = 'an address such as "127.0.0.1:8080", a port such as 8080, or {host, port}; port 0 takes a free one';

/** Schema of an address to listen on: `8080`, `"0.0.0.0:8080"`, `"[::1]:8080"` or `{host, port}`. */
export function listenAddress(fallback: ListenAddress, describe: string) {
  const parseText = (text: string): ListenAddress | null => {
    const found = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:\s]*):)?(\d{1,5})$/.exec(text.trim());
    const port = Number(found?.[2]);
    if (!found || port > 65_535) return null;
    const host = found[1] === undefined || found[1] === '' ? fallback.host : found[1].replace(/^\[|\]$/g, '');
    return { host, port };
  };
  return z
    .union([portSchema, z.string(), z.strictObject({ host: z.string().default(fallback.host), port: portSchema })], {
      error: hint,
    })
    .transform((value, context): ListenAddress => {
      if (typeof value === 'number') return { host: fallback.host, port: value };
      if (typeof value === 'object') return value;
      const parsed = parseText(value);
      if (parsed) return parsed;
      context.addIssue({ code: 'custom', message: hint });
      return z.NEVER;
    })
    .prefault(`${fallback.host}:${fallback.port}`)
    .describe(`${describe} (${hint}; default ${fallback.host}:${fallback.port})`);
}

/** `host:port` with brackets around IPv6, for URLs. */
export function hostPort(address: ListenAddress): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}
