import { createHmac } from 'node:crypto';
import { openRobot, type RobotProtocol } from '../people/robot.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import type { FeishuOptions } from './options.ts';

/** `sign` of 签名校验: HMAC-SHA256 over nothing, with `<s>\n<secret>` as its key, base64. */
export function feishuSign(secret: string, timestampS: number): string {
  return createHmac('sha256', `${timestampS}\n${secret}`).update('').digest('base64');
}

/** 飞书 custom robot (open.feishu.cn, 自定义机器人使用指南): a text, 100 a minute, signed in the body, at most 20 kB. */
export const feishuProtocol: RobotProtocol = {
  kind: 'feishu',
  maxBytes: 8192,
  request: ({ url, text, mention }, secret, nowMs) => {
    const timestampS = Math.floor(nowMs / 1000);
    const named = mention.map((who) => `<at user_id="${who.replace(/["<>&]/g, '')}"></at>`).join('');
    return {
      url,
      body: {
        ...(secret !== null && { timestamp: String(timestampS), sign: feishuSign(secret, timestampS) }),
        msg_type: 'text',
        // Only the mentions are ours to mark up; what an alert says is not.
        content: { text: `${named}${text.replace(/</g, '＜')}` },
      },
    };
  },
  judge: (code) => {
    if (code === 0) return null;
    if (code === 11_232) return { kind: 'retry', afterMs: 60_000 };
    if (code === 9499) return { kind: 'rejected' };
    // 19021 signature or clock, 19022 address, 19024 keyword: people mend that.
    return { kind: 'retry', afterMs: null };
  },
};

/** Opens a 飞书 robot. Throws `config.secret-missing`. */
export const openFeishuChannel = (options: FeishuOptions, setup: ChannelSetup): Promise<OpenChannel> =>
  openRobot(feishuProtocol, options, setup);
