// What a scenario comes to: one row of the table in docs/operations.md.
import { audit, events } from "./audit.mjs";

/** How long readiness may lag behind what is so. */
const LAG = 2000;
/** So long nobody's order is acknowledged only where none can be taken: callers come by the dozen each second. */
const SILENT = 1000;
/** How long `/health/live` may take, in ms. */
const LIVE = 100;

export const HEAD =
  "| set-up | acknowledged | lost | doubled | longest silence (s) | what callers saw | feed: gaps | `/health/live`, slowest (ms) | ready wrong (s) |\n" +
  "|---|---|---|---|---|---|---|---|---|";

/**
 * Seconds in which an instance said that it is ready though it took no order for so long, or the other way round. One that
 * is stopping takes orders and says so.
 */
function readyWrong({ ready }, answers) {
  if (!answers) return null;
  // The times rise.
  const firstSince = (time) => {
    let [low, high] = [0, answers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (answers[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const took = (from, to) => answers[firstSince(from)] <= to;
  const wasSilent = (from, to) => {
    let before = from;
    for (let n = firstSince(from); before < to; n++) {
      const next = Math.min(answers[n] ?? to, to);
      if (next - before > SILENT) return true;
      before = next;
    }
    return false;
  };
  const last = answers.at(-1);
  let wrong = 0;
  ready.forEach(({ at, until, says }, n) => {
    if (until > last) return;
    const isWrong = says === "ready" ? !took(at - LAG, until + LAG)
      : says === "not ready" ? !wasSilent(at - LAG, until + LAG) : false;
    if (isWrong) wrong += Math.min((ready[n + 1]?.at ?? until) - at, 6000);
  });
  return wrong / 1000;
}

/** Ends the load, reads the tables, and writes the row. `url` is of the database that the promise is kept in. */
export async function report(name, load, url, notes = []) {
  const seen = await load.end(() => events(url));
  const { lost, doubled, broken } = await audit(url, load.acknowledged);
  const statuses = [...load.statuses].sort((a, b) => b[1] - a[1]).map(([status, times]) => `${times} × ${status}`);
  if (load.unanswered) statuses.push(`${load.unanswered} never answered`);
  const wrong = seen.probed.map((probed, n) => readyWrong(probed, seen.answers[n])).filter((seconds) => seconds !== null);
  const gaps = seen.gaps.reduce((sum, count) => sum + count, 0);
  const readyWrongFor = wrong.length ? Math.max(...wrong) : 0;
  const slowest = Math.max(...seen.probed.map((probed) => probed.slowest));
  const row = [
    name, load.acknowledged.size, broken ? `${lost} (${broken} not whole)` : lost, doubled, seen.silence.toFixed(1),
    [...statuses, ...notes].join(", "), gaps, Math.round(slowest), wrong.length ? readyWrongFor.toFixed(1) : "–",
  ];
  const isTrue = !lost && !doubled && !broken && !gaps && !load.unanswered;
  return { row: `| ${row.join(" | ")} |`, isGood: isTrue && readyWrongFor === 0 && slowest <= LIVE };
}
