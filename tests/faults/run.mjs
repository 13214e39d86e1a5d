// Faults around the service, under load: a row of a Markdown table for each.
//
//   node tests/faults/run.mjs BINARY [NAME...]     NAME picks scenarios; NAME=NUMBER is how often
//
// The servers that a scenario needs (PostgreSQL, Patroni, etcd, PgBouncer, HAProxy, nginx) are installed from Debian's
// packages where they are missing, which takes root. They run on free ports, in a temporary folder, and are gone afterwards,
// also after Ctrl-C; FAULTS_KEEP=1 keeps the folder with their logs. What cannot be had here is skipped by name. The exit code
// is 1 where an order was lost, doubled or never answered, the feed had a gap, readiness was wrong for over 2 s, or
// `/health/live` took over 100 ms.
import { resolve } from "node:path";

import { Machine, Skipped, say } from "./machine.mjs";
import { HEAD } from "./report.mjs";

const NAMES = ["rolling-restart", "sqlite-kill", "log-reader", "disk-full", "failover-sync", "patroni", "pgbouncer", "vanish", "vanish-netns"];
/** Whatever hangs is ended with its scenario. */
const LIMIT = 30 * 60_000;
const [binary, ...picked] = process.argv.slice(2);
const chosen = picked.map((text) => text.split("="));
const unknown = chosen.find(([name]) => !NAMES.includes(name));
if (!binary || unknown) {
  console.error(`usage: node tests/faults/run.mjs BINARY [NAME[=NUMBER]...]\nNAME: ${NAMES.join(", ")}`);
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));

function within(limit, work) {
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(fail, limit, new Error(`it did not end within ${limit / 60_000} minutes`))));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

console.log(HEAD);
let isGood = true;
for (const [name, times] of chosen.length ? chosen : NAMES.map((name) => [name])) {
  const { scenarios } = await import(`./scenarios/${name}.mjs`);
  for (const scenario of scenarios) {
    const machine = new Machine(name);
    try {
      const result = await within(LIMIT, scenario({ machine, binary: resolve(binary), times: times && Number(times) }));
      console.log(result.row);
      isGood &&= result.isGood;
    } catch (error) {
      const isSkipped = error instanceof Skipped;
      isGood &&= isSkipped;
      console.log(`| ${name} | ${isSkipped ? "skipped" : "failed"}: ${error.message.replaceAll("\n", " ").replaceAll("|", "/")} | | | | | | | |`);
      if (!isSkipped) say(error.stack);
    } finally {
      await machine.end();
    }
  }
}
process.exit(isGood ? 0 : 1);
