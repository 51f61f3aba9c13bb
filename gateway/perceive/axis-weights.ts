/** For each target pixel along one axis: where its sources begin, how many there are, and their weights. */
export interface AxisWeights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Float32Array;
  readonly stride: number;
}

/** `triangle` blurs a little and never aliases; `area` is the mean of what a pixel covers, at half the work. */
export type Kernel = 'triangle' | 'area';

/**
 * The weights with which `length` source pixels from `from` on, of `limit` that there are, become `target` pixels; those of
 * a target pixel sum to one.
 */
export function axisWeights(from: number, length: number, limit: number, target: number, kernel: Kernel): AxisWeights {
  const ratio = length / target;
  if (kernel === 'area' && ratio > 1) return areaWeights(from, length, limit, target);
  // A triangle as wide as the step: interpolates when enlarging, averages when reducing (no aliasing).
  const radius = Math.max(ratio, 1);
  const stride = Math.ceil(radius * 2) + 1;
  const first = new Int32Array(target);
  const count = new Int32Array(target);
  const weights = new Float32Array(target * stride);
  for (let index = 0; index < target; index += 1) {
    const center = from + (index + 0.5) * ratio - 0.5;
    const low = Math.max(Math.ceil(center - radius), 0, from);
    const high = Math.min(Math.floor(center + radius), limit - 1, from + length - 1);
    let sum = 0;
    let used = 0;
    for (let at = low; at <= high && used < stride; at += 1) {
      const weight = 1 - Math.abs(at - center) / radius;
      if (weight <= 0 && used > 0) continue;
      weights[index * stride + used] = Math.max(weight, 1e-6);
      sum += Math.max(weight, 1e-6);
      used += 1;
    }
    first[index] = Math.min(low, limit - 1);
    count[index] = Math.max(used, 1);
    if (used === 0) {
      weights[index * stride] = 1;
      sum = 1;
    }
    for (let k = 0; k < Math.max(used, 1); k += 1) {
      const slot = index * stride + k;
      weights[slot] = (weights[slot] ?? 0) / sum;
    }
  }
  return { first, count, weights, stride };
}

function areaWeights(from: number, length: number, limit: number, target: number): AxisWeights {
  const ratio = length / target;
  const stride = Math.ceil(ratio) + 1;
  const first = new Int32Array(target);
  const count = new Int32Array(target);
  const weights = new Float32Array(target * stride);
  for (let index = 0; index < target; index += 1) {
    const start = from + index * ratio;
    const end = Math.min(start + ratio, limit);
    const low = Math.floor(start);
    const high = Math.min(Math.ceil(end - 1e-6), limit);
    first[index] = low;
    count[index] = high - low;
    for (let at = low; at < high; at += 1)
      weights[index * stride + at - low] = (Math.min(at + 1, end) - Math.max(at, start)) / (end - start);
  }
  return { first, count, weights, stride };
}
