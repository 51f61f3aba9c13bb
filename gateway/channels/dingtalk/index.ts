import { createHmac } from 'node:crypto';
import { openRobot, type RobotProtocol } from '../people/robot.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import type { DingtalkOptions } from './options.ts';

/** A robot that sent more than 20 in a minute is silenced for so long. */
const silencedMs = 600_000;

/** `sign` of 加签: HMAC-SHA256 with the secret over `<ms>\n<secret>`, base64. */
export function dingtalkSign(secret: string, timestampMs: number): string {
  return createHmac('sha256', secret).update(`${timestampMs}\n${secret}`).digest('base64');
}

/** 钉钉 custom robot (open.dingtalk.com, 自定义机器人接入): a text, 20 a minute, signed in the address. */
export const dingtalkProtocol: RobotProtocol = {
  kind: 'dingtalk',
  maxBytes: 4096,
  request: ({ url, text, mention }, secret, nowMs) => {
    const signed = new URL(url);
    if (secret !== null) {
      signed.searchParams.set('timestamp', String(nowMs));
      signed.searchParams.set('sign', dingtalkSign(secret, nowMs));
    }
    const isAtAll = mention.includes('all');
    const mobiles = mention.filter((who) => /^\+?[\d-]{6,20}$/.test(who));
    const users = mention.filter((who) => who !== 'all' && !mobiles.includes(who));
    const at = { isAtAll, atMobiles: mobiles, atUserIds: users };
    return { url: signed, body: { msgtype: 'text', text: { content: text }, ...(mention.length > 0 && { at }) } };
  },
  judge: (code) => {
    if (code === 0) return null;
    if (code === 130_101 || code === 90_030 || code === 410_100) return { kind: 'retry', afterMs: silencedMs };
    if (code === 40_035 || code === 43_004 || code === 400_105) return { kind: 'rejected' };
    // 310000: keyword, address or signature; -1: busy. People mend the former.
    return { kind: 'retry', afterMs: null };
  },
};

/** Opens a 钉钉 robot. Throws `config.secret-missing`. */
export const openDingtalkChannel = (options: DingtalkOptions, setup: ChannelSetup): Promise<OpenChannel> =>
  openRobot(dingtalkProtocol, options, setup);
