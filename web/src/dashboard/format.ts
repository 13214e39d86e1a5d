/** How values are written: in the user's language and time zone, and never less exact than they came. */

const NUMBER = new Intl.NumberFormat();
const SHORT = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const LONG = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const DAY = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: '2-digit', timeZone: 'UTC' });

/** The name of the zone of the user's clock. */
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function number(value: number): string {
  return NUMBER.format(value);
}

/** A duration in milliseconds: a tenth of one is as exact as anybody reads. */
export function milliseconds(value: number): string {
  return NUMBER.format(Math.round(value * 10) / 10);
}

/** An exact decimal with its digits in groups; no figure of money goes through a floating point number. */
export function decimal(value: string): string {
  const [, places = ''] = value.split('.');
  const digits = places.length;
  return new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    value as `${number}`,
  );
}

export function time(iso: string, isLong = false): string {
  return (isLong ? LONG : SHORT).format(new Date(iso));
}

/** The same instant for whoever compares it with a log. */
export function utc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

export function day(date: string): string {
  return DAY.format(new Date(`${date}T00:00:00Z`));
}

/** An instant as a field for local times takes it. */
export function localTime(iso: string): string {
  const local = new Date(iso);
  return new Date(local.getTime() - local.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const UNITS: [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
];

/** How long ago something was, in its two largest units. */
export function age(iso: string, now: number): string {
  let seconds = Math.max(Math.floor((now - Date.parse(iso)) / 1000), 0);
  if (seconds < 60) return `${seconds} s`;
  const parts: string[] = [];
  for (const [unit, name] of UNITS) {
    const count = Math.floor(seconds / unit);
    seconds %= unit;
    if (count > 0) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** `BACK_ORDERED` as people say it. */
export function words(name: string): string {
  const text = name.toLowerCase().replaceAll('_', ' ').replace(/\b(dns|tls)\b/, (short) => short.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** How much more or less than before, in percent. */
export function change(now: number, before: number): string {
  if (before === 0) return now === 0 ? 'as before' : 'none before';
  const percent = Math.round(((now - before) / before) * 100);
  if (percent === 0) return 'as before';
  return `${percent > 0 ? '+' : '−'}${number(Math.abs(percent))} %`;
}
