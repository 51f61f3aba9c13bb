/** A corner as shares of the picture, 0..1 from its top left. */
export type RelativePoint = readonly [number, number];
export type RelativePolygon = readonly RelativePoint[];

/** Share of the picture that a polygon covers (shoelace formula); meaningless where its sides cross. */
export function areaOf(points: RelativePolygon): number {
  let twice = 0;
  points.forEach(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length] ?? [0, 0];
    twice += x * nextY - nextX * y;
  });
  return Math.abs(twice) / 2;
}

/** Whether a point lies in a polygon; on its upper or left side counts as in. */
export function contains(points: RelativePolygon, [x, y]: RelativePoint): boolean {
  let inside = false;
  points.forEach(([ax, ay], index) => {
    const [bx, by] = points[(index + 1) % points.length] ?? [0, 0];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}

/** Numbers of two sides that cross or lie on one another, counted from the corner they begin at; null where none do. */
export function crossingSides(points: RelativePolygon): readonly [number, number] | null {
  const count = points.length;
  for (let a = 0; a < count; a += 1) {
    for (let b = a + 1; b < count; b += 1) {
      // Neighbours share a corner.
      if (b === a + 1 || (a === 0 && b === count - 1)) continue;
      if (cross(points[a], points[(a + 1) % count], points[b], points[(b + 1) % count])) return [a, b];
    }
  }
  return null;
}

type Maybe = RelativePoint | undefined;

function cross(a: Maybe, b: Maybe, c: Maybe, d: Maybe): boolean {
  if (!a || !b || !c || !d) return false;
  const side = (p: RelativePoint, q: RelativePoint, r: RelativePoint): number =>
    Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0 && overlaps(a, b, c, d);
}

/** Sides on one line meet only where their boxes do. */
function overlaps(a: RelativePoint, b: RelativePoint, c: RelativePoint, d: RelativePoint): boolean {
  return [0, 1].every((axis) => {
    const along = (point: RelativePoint): number => point[axis as 0 | 1];
    return (
      Math.max(along(a), along(b)) >= Math.min(along(c), along(d)) &&
      Math.max(along(c), along(d)) >= Math.min(along(a), along(b))
    );
  });
}
