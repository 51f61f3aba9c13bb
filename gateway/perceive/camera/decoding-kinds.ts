/** How video may be decoded; `off` is software, `auto` the first hardware that works. */
export const hardwareKinds = ['vaapi', 'qsv', 'v4l2m2m', 'rkmpp'] as const;
export type HardwareKind = (typeof hardwareKinds)[number];
export type HardwareDecoding = 'off' | 'auto' | HardwareKind;
