/** The monthly report on one printed page, in Chinese: a page of its own without any file beside it. */
import { createHash } from 'node:crypto';
import type { FigureGroup, FigureLine, MonthFigures } from '../domain/figures.ts';
import { localDate } from '../lib/local-time.ts';
import type { EpochMs } from '../lib/clock.ts';

const style = `
@page { size: A4 portrait; margin: 12mm 13mm; }
* { box-sizing: border-box; }
html { background: #e8eaee; }
body { margin: 0 auto; max-width: 190mm; padding: 10mm; background: #fff; color: #16181d;
  font: 10.5pt/1.45 "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
header { display: flex; justify-content: space-between; align-items: flex-end; border-bottom: 2.2pt solid #16181d; padding-bottom: 2mm; }
h1 { font-size: 18pt; margin: 0; letter-spacing: .04em; }
header p { margin: 0; text-align: right; color: #555; font-size: 9pt; }
h2 { font-size: 11pt; margin: 4mm 0 1.2mm; border-left: 3pt solid #b3261e; padding-left: 2mm; }
.cards { display: grid; grid-template-columns: repeat(6, 1fr); gap: 2mm; margin-top: 3.5mm; }
.card { border: .6pt solid #c9ccd3; border-radius: 1.5mm; padding: 1.6mm 2mm; }
.card b { display: block; font-size: 17pt; line-height: 1.15; font-variant-numeric: tabular-nums; }
.card span { font-size: 8.5pt; color: #555; }
.card i { font-style: normal; font-size: 8.5pt; white-space: nowrap; }
table { width: 100%; border-collapse: collapse; font-size: 9pt; font-variant-numeric: tabular-nums; }
th, td { padding: .75mm 1.2mm; border-bottom: .4pt solid #d8dae0; text-align: right; white-space: nowrap; }
th { font-weight: 600; color: #444; border-bottom: .8pt solid #16181d; }
th:first-child, td:first-child { text-align: left; white-space: normal; }
tr { break-inside: avoid; }
.red { color: #b3261e; } .green { color: #1a6e37; } .soft { color: #666; }
.tier::before { content: ""; display: inline-block; width: 2.6mm; height: 2.6mm; border-radius: 50%; margin-right: 1.5mm; border: .4pt solid #555; }
.tier-red::before { background: #d93025; } .tier-orange::before { background: #f29900; }
.tier-yellow::before { background: #fdd835; } .tier-blue::before { background: #1a73e8; }
footer { display: flex; justify-content: space-between; margin-top: 5mm; font-size: 9pt; color: #444; }
footer div { min-width: 52mm; border-bottom: .4pt solid #777; padding-bottom: 5mm; }
.note { font-size: 8.5pt; color: #666; margin: 2.5mm 0 0; }
.bar { text-align: right; margin: 0 0 4mm; }
button { font: inherit; padding: 1.5mm 5mm; border: 0; border-radius: 1.5mm; background: #1a5fb4; color: #fff; cursor: pointer; }
@media print { html { background: none; } body { padding: 0; max-width: none; } .bar { display: none; } }
`;
const script = `document.getElementById('print').addEventListener('click', () => window.print());`;
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Only this page's own style and its one line of script may run. */
export const figuresPagePolicy = `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const escaped = (text: string): string => text.replace(/[&<>"']/g, (letter) => `&#${letter.codePointAt(0) ?? 0};`);

/** A span of time as people say it: 45 秒, 12.5 分钟, 3.2 小时, 2.1 天. */
export function spanZh(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 60_000) return `${Math.round(ms / 1000)} 秒`;
  if (ms < 3_600_000) return `${(ms / 60_000).toFixed(1)} 分钟`;
  if (ms < 48 * 3_600_000) return `${(ms / 3_600_000).toFixed(1)} 小时`;
  return `${(ms / 86_400_000).toFixed(1)} 天`;
}

const shareOf = (part: number, whole: number): string => (whole === 0 ? '–' : `${Math.round((100 * part) / whole)}%`);

/** ▲ 3 / ▼ 2 / 持平 against the month before; more is bad unless `good`. */
function change(now: number, before: number, good: 'more' | 'less' | null): string {
  const difference = now - before;
  if (difference === 0) return '<i class="soft">与上月持平</i>';
  const better = good !== null && difference > 0 === (good === 'more');
  const tone = good === null ? 'soft' : better ? 'green' : 'red';
  return `<i class="${tone}">较上月 ${difference > 0 ? '▲' : '▼'} ${Math.abs(difference)}</i>`;
}

const card = (name: string, value: string, note: string): string =>
  `<div class="card"><span>${name}</span><b>${value}</b>${note}</div>`;

const rowsShown = 8;

function table(
  of: string,
  groups: readonly FigureGroup[],
  className: (group: FigureGroup) => string = () => '',
): string {
  const shown = groups.slice(0, rowsShown);
  const left = groups.slice(rowsShown);
  const row = ({ name, now, before }: FigureGroup, of = ''): string =>
    `<tr><td class="${of}">${escaped(name)}</td>${[
      now.raised,
      `<span class="soft">${before.raised}</span>`,
      now.inTime,
      now.late > 0 ? `<span class="red">${now.late}</span>` : 0,
      now.pending,
      shareOf(now.inTime, now.inTime + now.late),
      now.transferred,
      now.falseAlarms,
      `${now.revisitsDone}/${now.revisitsAsked}`,
      spanZh(now.acknowledged.meanMs),
      spanZh(now.acknowledged.p90Ms),
      spanZh(now.resolved.meanMs),
      spanZh(now.resolved.p90Ms),
    ]
      .map((value) => `<td>${value}</td>`)
      .join('')}</tr>`;
  const head = [
    '发出',
    '上月',
    '按期',
    '超期',
    '在办',
    '按期率',
    '分流',
    '误报',
    '回访',
    '确认均时',
    'P90',
    '处置均时',
    'P90',
  ];
  const more =
    left.length === 0
      ? ''
      : `<tr><td colspan="${head.length + 1}" class="soft">另有 ${left.length} 项，共 ${left.reduce((sum, { now }) => sum + now.raised, 0)} 条，见 CSV 明细</td></tr>`;
  const body = shown.map((group) => row(group, className(group))).join('');
  const none =
    shown.length === 0 ? `<tr><td colspan="${head.length + 1}" class="soft">本月与上月均无预警</td></tr>` : '';
  return `<h2>按${of}</h2><table><thead><tr><th>${of}</th>${head.map((name) => `<th>${name}</th>`).join('')}</tr></thead><tbody>${body}${none}${more}</tbody></table>`;
}

/** The whole page. Pure. */
export function figuresPage(
  figures: MonthFigures,
  given: { readonly now: EpochMs; readonly timeZone: string },
): string {
  const { now, before }: { now: FigureLine; before: FigureLine } = figures.total;
  const [year, month] = figures.month.split('-').map(Number);
  const date = (at: EpochMs): string => localDate(at, given.timeZone);
  const rate = (line: FigureLine): number =>
    line.inTime + line.late === 0 ? 0 : Math.round((100 * line.inTime) / (line.inTime + line.late));
  const cards = [
    card('发出预警', `${now.raised}`, change(now.raised, before.raised, null)),
    card('按期率', shareOf(now.inTime, now.inTime + now.late), change(rate(now), rate(before), 'more')),
    card('超期', `${now.late}`, change(now.late, before.late, 'less')),
    card('误报', `${now.falseAlarms}`, change(now.falseAlarms, before.falseAlarms, 'less')),
    card('分流', `${now.transferred}`, `<i class="soft">已接收 ${now.transfersAccepted}</i>`),
    card('回访', `${now.revisitsDone}`, `<i class="soft">应回访 ${now.revisitsAsked}</i>`),
  ].join('');
  const last = date((Math.min(figures.to, given.now) - 1) as EpochMs);
  const title = `${figures.total.name} ${year} 年 ${month} 月预警处置月报`;
  return `<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${style}</style></head>
<body><p class="bar"><button id="print" type="button">打印 / 存为 PDF</button></p>
<header><h1>预警处置月报</h1><p>${escaped(figures.total.name)}<br>${date(figures.from)} 至 ${last}${figures.whole ? '' : '（本月未完）'}</p></header>
<section class="cards">${cards}</section>
<p class="note">平均用时：送达 ${spanZh(now.delivered.meanMs)}（P90 ${spanZh(now.delivered.p90Ms)}），确认 ${spanZh(now.acknowledged.meanMs)}（P90 ${spanZh(now.acknowledged.p90Ms)}），处置 ${spanZh(now.resolved.meanMs)}（P90 ${spanZh(now.resolved.p90Ms)}）。升级 ${now.escalated} 条，重新打开 ${now.reopened} 条，办结 ${now.closed} 条，在办 ${now.pending} 条。</p>
${table('等级', figures.byTier, ({ key }) => `tier tier-${key}`)}
${table('网格', figures.byGrid)}
${table('规则', figures.byRule)}
${table('责任部门', figures.byDepartment)}
<p class="note">按期：各时限（送达、确认、进展、结果、反馈、回访）均未超过。超期：至少一项超过。按预警发出的月份统计，处置情况截至 ${date(given.now)}。P90：九成预警不超过的用时。</p>
<footer><div>填报人：</div><div>审核人：</div><div>日期：</div></footer>
<script>${script}</script></body></html>
`;
}
