/** The spans of time of the overview, in the calendar of the user. */
import type { SalesOrderFilter, SummaryDimension } from '../../../../generated/documents';

export interface Span {
  label: string;
  days: number;
  /** Begins on a Monday. */
  isWeeks?: boolean;
  by: SummaryDimension[];
}

export const SPANS: Record<string, Span> = {
  today: { label: 'Today', days: 1, by: ['HOUR'] },
  week: { label: '7 days', days: 7, by: ['DAY', 'HOUR'] },
  month: { label: '4 weeks', days: 28, by: ['DAY', 'WEEK', 'HOUR'] },
  quarter: { label: '12 weeks', days: 84, isWeeks: true, by: ['WEEK', 'DAY'] },
};

function moved(date: Date, days: number): Date {
  const next = new Date(date);
  next.setDate(next.getDate() + days);
  return next;
}

function midnight(now: number): Date {
  const date = new Date(now);
  date.setHours(0, 0, 0, 0);
  return date;
}

/** The conditions of a span that ends with today, and of as much time before it. */
export function bounds({ days, isWeeks }: Span, now: number) {
  const today = midnight(now);
  const tomorrow = moved(today, 1);
  // Monday is the first day of a week here, and the last one of seven is Sunday.
  const toMonday = isWeeks ? 7 - ((today.getDay() + 6) % 7) : 1;
  const end = isWeeks ? moved(today, toMonday) : tomorrow;
  const start = moved(end, -days);
  const filter = (from: Date, to: Date): SalesOrderFilter => ({ createdAt: { gte: from.toISOString(), lt: to.toISOString() } });
  return {
    today: filter(today, tomorrow),
    // Until the same time of the day: half a day is not held against a whole one.
    yesterday: filter(moved(today, -1), moved(new Date(now), -1)),
    span: filter(start, end),
    before: filter(moved(start, -days), moved(new Date(now), -days)),
    /** All of it, for a chart that shows where the present span goes. */
    wholeBefore: filter(moved(start, -days), start),
  };
}

/** The list of the orders of a span. */
export function created({ createdAt }: SalesOrderFilter, more: Record<string, string> = {}): URLSearchParams {
  return new URLSearchParams({ created_at_gte: createdAt?.gte ?? '', created_at_lt: createdAt?.lt ?? '', ...more });
}
