// Faults around the service, under load: a row of a Markdown table for each.
//
//   node tests/faults/run.mjs BINARY [NAME...]     NAME picks scenarios; NAME=NUMBER is how often
//
// The servers that a scenario needs (PostgreSQL, PgBouncer, HAProxy, nginx) are installed from Debian's packages
// where they are missing, which takes root. They run on free ports, in a temporary folder, and are gone afterwards;
// FAULTS_KEEP=1 keeps the folder with their logs. The exit code is 1 where an order was lost or doubled, the feed had a gap
// or an order was never answered.
import { resolve } from "node:path";

import { Machine, say } from "./machine.mjs";
import { HEAD } from "./report.mjs";

const NAMES = ["rolling-restart", "sqlite-kill", "log-reader", "disk-full", "failover-sync", "pgbouncer", "vanish"];
const [binary, ...picked] = process.argv.slice(2);
const chosen = picked.map((text) => text.split("="));
const unknown = chosen.find(([name]) => !NAMES.includes(name));
if (!binary || unknown) {
  console.error(`usage: node tests/faults/run.mjs BINARY [NAME[=NUMBER]...]\nNAME: ${NAMES.join(", ")}`);
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));

console.log(HEAD);
let isGood = true;
for (const [name, times] of chosen.length ? chosen : NAMES.map((name) => [name])) {
  const { scenarios } = await import(`./scenarios/${name}.mjs`);
  for (const scenario of scenarios) {
    const machine = new Machine(name);
    try {
      const result = await scenario({ machine, binary: resolve(binary), times: times && Number(times) });
      console.log(result.row);
      isGood &&= result.isGood;
    } catch (error) {
      isGood = false;
      console.log(`| ${name} | failed: ${error.message.replaceAll("\n", " ").replaceAll("|", "/")} | | | | | | | |`);
      say(error.stack);
    } finally {
      await machine.end();
    }
  }
}
process.exit(isGood ? 0 : 1);
