import { openRobot, type RobotProtocol } from '../people/robot.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import type { WecomOptions } from './options.ts';

const minuteMs = 60_000;

/**
 * 企业微信 group robot (developer.work.weixin.qq.com, 群机器人配置说明): a text of at most 2048 bytes, 20 a minute. The key
 * stands in the address; there is no signature.
 */
export const wecomProtocol: RobotProtocol = {
  kind: 'wecom',
  maxBytes: 2048,
  request: ({ url, text, mention }) => ({
    url,
    body: {
      msgtype: 'text',
      text: {
        content: text,
        ...(mention.length > 0 && {
          mentioned_mobile_list: mention.map((who) => (who === 'all' ? '@all' : who)),
        }),
      },
    },
  }),
  judge: (code) => {
    if (code === 0) return null;
    if (code === 45_009) return { kind: 'retry', afterMs: minuteMs };
    // What is wrong with the message itself: type, empty, too long.
    if ([40_008, 44_004, 45_002].includes(code)) return { kind: 'rejected' };
    // Busy (-1), a robot that was taken out of its group (93000): people mend that, and then it must arrive.
    return { kind: 'retry', afterMs: null };
  },
};

/** Opens a 企业微信 robot. Throws `config.secret-missing`. */
export const openWecomChannel = (options: WecomOptions, setup: ChannelSetup): Promise<OpenChannel> =>
  openRobot(wecomProtocol, options, setup);
