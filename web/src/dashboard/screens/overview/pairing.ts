/** Which bar of the period before is compared with which. */

interface Bar {
  keys: { value: string | null }[];
}

/** The start of a bar on the calendar and the clock, such as `2026-10-25T02:00`, without the offset of an hour that comes twice. */
const startOf = ({ keys }: Bar): string => keys[0]?.value?.slice(0, 16) ?? '';

/**
 * For each bar the one so many days before, on the same day of the week and at the same time. They cannot be counted off: where clocks are
 * put forward or back in between, one period has an hour more than the other. An hour that comes twice is compared once.
 */
export function paired<One extends Bar>(present: One[], before: One[], days: number): (One | undefined)[] {
  const earlier = new Map<string, One>();
  for (const bar of before) if (!earlier.has(startOf(bar))) earlier.set(startOf(bar), bar);
  return present.map((bar) => {
    const [date, time] = startOf(bar).split('T');
    const day = new Date(`${date}T00:00:00Z`);
    if (Number.isNaN(day.getTime())) return undefined;
    day.setUTCDate(day.getUTCDate() - days);
    const wanted = [day.toISOString().slice(0, 10), ...(time ? [time] : [])].join('T');
    const found = earlier.get(wanted);
    earlier.delete(wanted);
    return found;
  });
}
