import { z } from 'zod';

function plainUrl(protocols: readonly string[], error: string) {
  return z.string().refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    return protocols.includes(url.protocol) && url.username === '' && url.password === '';
  }, error);
}

/** Schema of an http:// or https:// address without user name and password. */
export const httpUrl = (describe: string) =>
  plainUrl(['http:', 'https:'], 'an http:// or https:// address without user name and password').describe(describe);

/** Schema of the address of an MQTT broker, without user name and password: those stand in an option and a file of their own. */
export const brokerUrl = (describe: string) =>
  plainUrl(['mqtt:', 'mqtts:'], 'an mqtt:// or mqtts:// address without user name and password').describe(describe);
