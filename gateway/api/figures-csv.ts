import type { FigureGroup, FigureLine, MonthFigures } from '../domain/figures.ts';

const hours = (ms: number | null): string => (ms === null ? '' : (ms / 3_600_000).toFixed(2));

const columns: readonly (readonly [head: string, value: (line: FigureLine) => string | number])[] = [
  ['raised 发出', (line) => line.raised],
  ['red 红', (line) => line.byTier.red],
  ['orange 橙', (line) => line.byTier.orange],
  ['yellow 黄', (line) => line.byTier.yellow],
  ['blue 蓝', (line) => line.byTier.blue],
  ['inTime 按期', (line) => line.inTime],
  ['late 超期', (line) => line.late],
  ['pending 在办', (line) => line.pending],
  ['escalated 升级', (line) => line.escalated],
  ['transferred 分流', (line) => line.transferred],
  ['transfersAccepted 分流已接', (line) => line.transfersAccepted],
  ['falseAlarms 误报', (line) => line.falseAlarms],
  ['reopened 重开', (line) => line.reopened],
  ['closed 办结', (line) => line.closed],
  ['revisitsAsked 应回访', (line) => line.revisitsAsked],
  ['revisitsDone 已回访', (line) => line.revisitsDone],
  ['deliveredMeanH 送达均时', (line) => hours(line.delivered.meanMs)],
  ['deliveredP90H 送达P90', (line) => hours(line.delivered.p90Ms)],
  ['acknowledgedMeanH 确认均时', (line) => hours(line.acknowledged.meanMs)],
  ['acknowledgedP90H 确认P90', (line) => hours(line.acknowledged.p90Ms)],
  ['resolvedMeanH 处置均时', (line) => hours(line.resolved.meanMs)],
  ['resolvedP90H 处置P90', (line) => hours(line.resolved.p90Ms)],
];

/** RFC 4180; a text that a spreadsheet would take for a formula is made harmless. */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The figures as a table: one row a group and month, this one and the one before. Begins with a BOM, for spreadsheets. */
export function figuresCsv(figures: MonthFigures): string {
  const groups: readonly (readonly [of: string, group: FigureGroup])[] = [
    ['total 合计', figures.total],
    ...figures.byTier.map((group) => ['tier 等级', group] as const),
    ...figures.byGrid.map((group) => ['grid 网格', group] as const),
    ...figures.byRule.map((group) => ['rule 规则', group] as const),
    ...figures.byDepartment.map((group) => ['department 部门', group] as const),
  ];
  const [year = 0, month = 0] = figures.month.split('-').map(Number);
  const before = month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, '0')}`;
  const rows = groups.flatMap(([of, group]) =>
    (
      [
        [figures.month, group.now],
        [before, group.before],
      ] as const
    ).map(([name, line]) => [of, group.key, group.name, name, ...columns.map(([, value]) => value(line))]),
  );
  const head = ['of 分组', 'key', 'name 名称', 'month 月份', ...columns.map(([name]) => name)];
  return `\u{feff}${[head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
