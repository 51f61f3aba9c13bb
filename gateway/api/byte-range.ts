/**
 * The bytes that a `Range` header asks for of a thing of `sizeBytes` bytes, both ends included; null where the whole is to
 * be sent: no header, another unit, several ranges (RFC 9110, 14.2 lets a server ignore what it does not want to serve).
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { readonly first: number; readonly last: number } | 'unsatisfiable' | null {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  const [, from = '', to = ''] = found ?? [];
  if (!found || (from === '' && to === '')) return null;
  if (from === '') {
    // The last so many bytes.
    const length = Math.min(Number(to), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { first: sizeBytes - length, last: sizeBytes - 1 };
  }
  const first = Number(from);
  const last = to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (to !== '' && Number(to) < first) return null;
  return first >= sizeBytes ? 'unsatisfiable' : { first, last };
}
