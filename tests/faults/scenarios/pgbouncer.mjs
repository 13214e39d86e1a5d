// PgBouncer stands between two instances and PostgreSQL, in session and in transaction mode, and is killed in the middle.
import { writeFileSync } from "node:fs";

import { Load } from "../load.mjs";
import { pause, program, run, until } from "../machine.mjs";
import { Postgres } from "../postgres.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";
import { query } from "../audit.mjs";

const scenario = (mode) => async ({ machine, binary, times = 3 }) => {
  const postgres = await Postgres.primary(machine, "postgres");
  const command = program("pgbouncer", "pgbouncer");
  const port = await machine.port();
  const folder = machine.userFolder("pgbouncer");
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(await run(command, ["--version"]));
  const keepsStatements = Number(major) > 1 || Number(minor) >= 21;
  writeFileSync(`${folder}/pgbouncer.ini`, `
[databases]
* = host=127.0.0.1 port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${folder}/users
pool_mode = ${mode}
default_pool_size = 60
max_client_conn = 400
ignore_startup_parameters = extra_float_digits
${mode === "transaction" && keepsStatements ? "max_prepared_statements = 200" : ""}
`, { mode: 0o644 });
  writeFileSync(`${folder}/users`, '"postgres" ""\n', { mode: 0o644 });
  const start = async () => {
    const child = machine.spawn("pgbouncer", command, [`${folder}/pgbouncer.ini`], machine.user);
    await until("PgBouncer answers", async () => (await query(url, "SELECT 1")).length);
    return child;
  };
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let pooler = await start();
  const service = new Service(machine, binary, url);
  const name = `PgBouncer ${major}.${minor}, ${mode} mode, killed × ${times}, with followers`;
  try {
    await service.prepare();
  } catch (error) {
    return { row: `| ${name} | refused: ${error.message} | | | | | | | |`, isGood: mode === "transaction" && !keepsStatements };
  }
  const instances = [await service.start("one"), await service.start("two")];
  const load = new Load(service, instances.map(({ base }) => base), instances);
  await load.begin();
  for (let n = 0; n < times; n++) {
    await pause(4000);
    pooler.killAll();
    await pooler.ended;
    await pause(1000);
    pooler = await start();
  }
  await pause(4000);
  return report(name, load, postgres.url);
};

export const scenarios = [scenario("session"), scenario("transaction")];
