import { onScopeDispose, ref, type Ref } from 'vue';
import { i18n, language } from './language.ts';

/** Milliseconds that this computer's clock is behind the server's: ages and deadlines are the server's. */
let behindMs = 0;
export function learnServerTime(iso: string): void {
  behindMs = Date.parse(iso) - Date.now();
}
export const serverNow = (): number => Date.now() + behindMs;

const now = ref(serverNow());
let users = 0;
let ticking: ReturnType<typeof setInterval> | null = null;

/** The server's time, once a second, for as long as a component shows it. */
export function useNow(): Readonly<Ref<number>> {
  users += 1;
  now.value = serverNow();
  ticking ??= setInterval(() => {
    now.value = serverNow();
  }, 1000);
  onScopeDispose(() => {
    users -= 1;
    if (users === 0 && ticking !== null) {
      clearInterval(ticking);
      ticking = null;
    }
  });
  return now;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `3 分钟前` */
export function ageText(thenMs: number, nowMs: number): string {
  const { t } = i18n.global;
  const ms = Math.max(0, nowMs - thenMs);
  const say = (key: string, n: number): string => t(`time.${key}`, { n }, n);
  if (ms < 10_000) return t('time.now');
  if (ms < minute) return say('secondsAgo', Math.floor(ms / 1000));
  if (ms < hour) return say('minutesAgo', Math.floor(ms / minute));
  if (ms < day) return say('hoursAgo', Math.floor(ms / hour));
  return say('daysAgo', Math.floor(ms / day));
}

/** `4 分钟`, `2 小时 5 分`: a length of time as people say it. */
export function spanText(ms: number): string {
  const { t } = i18n.global;
  const abs = Math.abs(ms);
  if (abs < minute) return t('time.span.s', { n: Math.round(abs / 1000) });
  if (abs < hour) return t('time.span.m', { n: Math.floor(abs / minute) });
  if (abs < day) {
    const h = Math.floor(abs / hour);
    const m = Math.floor((abs % hour) / minute);
    return m === 0 ? t('time.span.h', { n: h }) : t('time.span.hm', { h, m });
  }
  const d = Math.floor(abs / day);
  const h = Math.floor((abs % day) / hour);
  return h === 0 || d > 6 ? t('time.span.d', { n: d }) : t('time.span.dh', { d, h });
}

/** `2026-11-22 14:03:09` in this computer's time zone. */
export function exactText(ms: number): string {
  return new Intl.DateTimeFormat(language.value === 'zh' ? 'zh-CN' : 'en-GB', {
    dateStyle: 'medium',
    timeStyle: 'medium',
    hourCycle: 'h23',
  }).format(ms);
}

/** `14:03:09` */
export function clockText(ms: number): string {
  return new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', hourCycle: 'h23' }).format(ms);
}

/** `11-22 14:03`: where the year goes without saying. */
export function shortText(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `12.3 GB` */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : Math.round(value * 10) / 10} ${units[unit] ?? ''}`;
}
