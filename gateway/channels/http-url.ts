import { z } from 'zod';

/** Schema of an http:// or https:// address without user name and password. */
export function httpUrl(describe: string) {
  return z
    .string()
    .refine((text) => {
      if (!URL.canParse(text)) return false;
      const url = new URL(text);
      return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
    }, 'an http:// or https:// address without user name and password')
    .describe(describe);
}
