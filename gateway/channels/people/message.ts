/** What a person is told on a phone: what, where, how bad, what is wanted. No plate, no name, no picture in it. */
import type { Delivery } from '../../domain/alert.ts';
import {
  canaryDataSchema,
  digestDataSchema,
  noticeDataSchema,
  passageDataSchema,
  type NoticeData,
} from '../../domain/notice.ts';
import { provinces } from '../../domain/plate-grammar.ts';
import type { Tier } from '../../domain/tier.ts';

export interface PeopleMessage {
  readonly title: string;
  readonly lines: readonly string[];
  /** Where it can be dealt with, after a login: an address with the alert's random id and nothing else. */
  readonly link: string | null;
  /** How a repeat is known by those who read it: the end of the delivery's id. */
  readonly reference: string;
  readonly tier: Tier;
  /** Whether somebody should be woken. */
  readonly urgent: boolean;
}

const tierNames: Readonly<Record<Tier, { readonly zh: string; readonly en: string; readonly sign: string }>> = {
  red: { zh: '红色', en: 'Red', sign: '🔴' },
  orange: { zh: '橙色', en: 'Orange', sign: '🟠' },
  yellow: { zh: '黄色', en: 'Yellow', sign: '🟡' },
  blue: { zh: '蓝色', en: 'Blue', sign: '🔵' },
};
const newsNames: Readonly<Record<string, { readonly zh: string; readonly en: string }>> = {
  raised: { zh: '新预警', en: 'New alert' },
  repeated: { zh: '再次发生', en: 'Seen again' },
  'tier-raised': { zh: '升级为更高级别', en: 'Tier raised' },
  escalated: { zh: '逾期未处置，已升级', en: 'Escalated: a deadline was missed' },
  acknowledged: { zh: '已有人受理', en: 'Acknowledged' },
  transferred: { zh: '已移交', en: 'Transferred' },
  outcome: { zh: '已处置', en: 'Dealt with' },
  'revisit-asked': { zh: '请回访', en: 'A revisit is due' },
  reopened: { zh: '重新打开', en: 'Reopened' },
  closed: { zh: '已关闭', en: 'Closed' },
};

const plateLike = new RegExp(`[${provinces}][A-Z][·•・ ]?[A-HJ-NP-Z0-9警学挂港澳领使]{4,6}`, 'gu');

/** Plates in a text with their middle hidden: 浙B****5. Chat groups and mailboxes lie outside the estate. */
export function withoutPlates(text: string): string {
  return text.replace(plateLike, (plate) => {
    const characters = Array.from(plate);
    return `${characters.slice(0, 2).join('')}****${characters.at(-1) ?? ''}`;
  });
}

/**
 * The words for one delivery; null for what people are not told in words. `linkBase` is the address of the dashboard or the
 * desk without path.
 */
export function messageOf(
  delivery: Delivery,
  settings: { readonly linkBase: string | null; readonly language: 'zh' | 'en' },
): PeopleMessage | null {
  const { language } = settings;
  const zh = language === 'zh';
  const base = { reference: delivery.id.slice(-8), tier: delivery.tier, link: null, urgent: false };
  if (delivery.item === 'canary') {
    const data = canaryDataSchema.partial().safeParse(delivery.data);
    const gateway = data.success ? (data.data.gateway ?? '') : '';
    return { ...base, title: zh ? '通道测试，请忽略' : 'Test of this channel, please ignore', lines: [gateway] };
  }
  if (delivery.item === 'digest') {
    const digest = digestDataSchema.safeParse(delivery.data);
    if (!digest.success) return null;
    const { notices, day, site } = digest.data;
    return {
      ...base,
      title: zh ? `${site.name} ${day} 日报：${notices.length} 项` : `${site.name} ${day}: ${notices.length} matters`,
      lines: notices.slice(0, 20).map(({ data }) => `· ${withoutPlates(data.title[language])}（${data.place.name}）`),
    };
  }
  if (delivery.item === 'passage') {
    const passage = passageDataSchema.safeParse(delivery.data);
    if (!passage.success) return null;
    const { place, at, direction } = passage.data;
    return {
      ...base,
      title: zh ? `过车记录：${place.name}` : `Passage: ${place.name}`,
      lines: [`${at.slice(11, 19)} ${direction}`],
    };
  }
  const notice = noticeDataSchema.partial().safeParse(delivery.data);
  if (!notice.success || notice.data.title === undefined) return null;
  return { ...base, ...noticeMessage(delivery, notice.data, settings) };
}

function noticeMessage(
  delivery: Delivery,
  data: { readonly [Field in keyof NoticeData]?: NoticeData[Field] | undefined },
  { linkBase, language }: { readonly linkBase: string | null; readonly language: 'zh' | 'en' },
): Pick<PeopleMessage, 'title' | 'lines' | 'link' | 'urgent'> {
  const zh = language === 'zh';
  const tier = tierNames[data.tier ?? delivery.tier];
  const news = newsNames[data.news?.kind ?? ''];
  const time = (text: string): string => text.slice(5, 16).replace('T', ' ');
  const lines = [
    news?.[language],
    data.message && withoutPlates(data.message[language]),
    data.place && `${zh ? '地点' : 'Place'}: ${data.place.name}`,
    data.occurredAt !== undefined && `${zh ? '时间' : 'Time'}: ${time(data.occurredAt)}`,
    (data.count ?? 1) > 1 && `${zh ? '次数' : 'Count'}: ${data.count ?? 1}`,
    data.deadline && `${zh ? '请在此前答复' : 'Answer before'}: ${time(data.deadline)}`,
  ];
  const ended = data.state === 'closed' || data.state === 'false-alarm' || data.state === 'resolved';
  return {
    title: `${tier.sign} ${tier[language]}${zh ? '：' : ': '}${withoutPlates(data.title?.[language] ?? '')}`,
    lines: lines.filter((line): line is string => typeof line === 'string' && line !== ''),
    link:
      linkBase === null || delivery.alertId === null
        ? null
        : `${linkBase.replace(/\/+$/, '')}/#/alerts/${encodeURIComponent(delivery.alertId)}`,
    urgent: (delivery.tier === 'red' || delivery.tier === 'orange') && !ended && data.owner == null,
  };
}

/** One text of at most `maxBytes` UTF-8 bytes, the reference and the link always whole. */
export function plainText(message: PeopleMessage, language: 'zh' | 'en', maxBytes: number): string {
  const end = [message.link, `${language === 'zh' ? '消息号' : 'Ref'} ${message.reference}`].filter(
    (line) => line !== null,
  );
  const room = maxBytes - Buffer.byteLength(`\n${end.join('\n')}`);
  const body = Buffer.from([message.title, ...message.lines].join('\n'));
  // A character that is cut in half at the end is dropped.
  const cut =
    body.length <= room
      ? body.toString()
      : `${new TextDecoder().decode(body.subarray(0, room - 3)).replace(/\uFFFD+$/u, '')}…`;
  return [cut, ...end].join('\n');
}
