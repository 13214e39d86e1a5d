import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const bar = (value) => ({ keys: [{ value }] });
const values = (bars) => bars.map((found) => found?.keys[0].value);

function hours(date, from = 0, to = 24) {
  return Array.from({ length: to - from }, (_, index) => `${date}T${String(from + index).padStart(2, '0')}:00`);
}

/** Weeks, days and hours of the calendar belong together, whatever the clocks did in between. */
export async function pairsByTheCalendar() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const server = await createServer({ root, configFile: false, logLevel: 'silent', server: { middlewareMode: true, watch: null } });
  try {
    const { paired } = await server.ssrLoadModule('/src/dashboard/screens/overview/pairing.ts');
    const pairs = (present, before, days) => values(paired(present.map(bar), before.map(bar), days));

    // Twelve weeks over the end of summer time in Berlin, on 25 October 2026. A week too many before moves nothing.
    const weeks = ['2026-10-12', '2026-10-19', '2026-10-26', '2026-11-02'];
    const earlier = ['2026-07-13', '2026-07-20', '2026-07-27', '2026-08-03', '2026-08-10'];
    assert.deepEqual(pairs(weeks, earlier, 84), earlier.slice(1));
    assert.deepEqual(pairs(weeks, earlier.slice(3), 84), [undefined, undefined, '2026-08-03', '2026-08-10']);

    // The day with 25 hours: what comes twice is compared once, and the evening with the evening.
    const long = [...hours('2026-10-25', 0, 2), '2026-10-25T02:00+02:00', '2026-10-25T02:00+01:00', ...hours('2026-10-25', 3)];
    const day = hours('2026-10-18');
    assert.deepEqual(pairs(long, day, 7), [...day.slice(0, 3), undefined, ...day.slice(3)]);
    assert.deepEqual(pairs(hours('2026-11-01'), long, 7), [...long.slice(0, 3), ...long.slice(4)]);

    // The day with 23 hours.
    const short = [...hours('2026-03-29', 0, 2), ...hours('2026-03-29', 3)];
    const usual = hours('2026-03-22');
    assert.deepEqual(pairs(short, usual, 7), [...usual.slice(0, 2), ...usual.slice(3)]);
    assert.deepEqual(pairs(hours('2026-04-05'), short, 7), [...short.slice(0, 2), undefined, ...short.slice(2)]);

    // Over the end of a month and of a year.
    assert.deepEqual(pairs(['2027-01-01', '2027-01-02'], ['2026-12-04', '2026-12-05'], 28), ['2026-12-04', '2026-12-05']);
    assert.deepEqual(pairs([null], [null], 7), [undefined]);
  } finally {
    await server.close();
  }
}
