// PgBouncer stands between two instances and PostgreSQL, in session and in transaction mode. It is killed in the middle, and
// so is the primary behind it.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { query } from "../audit.mjs";
import { Load } from "../load.mjs";
import { Skipped, now, pause, program, run, say, until } from "../machine.mjs";
import { Postgres } from "../postgres.mjs";
import { Proxy } from "../proxy.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";

/** The first version that keeps the prepared statements of its clients apart in transaction mode. */
const FIRST = "1.21";
const isSince = ([major, minor]) => major > 1 || minor >= 21;

async function versionOf(command) {
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(await run(command, ["--version"]));
  return [Number(major), Number(minor)];
}

/** The system's, which is an older one on Debian 12. */
async function older() {
  const command = program("pgbouncer", "pgbouncer");
  const version = await versionOf(command);
  if (isSince(version)) throw new Skipped(`a PgBouncer before ${FIRST} cannot be had here`);
  return { command, version };
}

/** One that the suite finds or unpacks. */
async function newer() {
  const script = fileURLToPath(new URL("../../../scripts/pgbouncer.sh", import.meta.url));
  try {
    const command = (await run(script, [FIRST])).trim();
    return { command, version: await versionOf(command) };
  } catch (error) {
    throw new Skipped(error.message);
  }
}

class Pooler {
  static async start(machine, command, mode, server, hasStatements) {
    const port = await machine.port();
    const folder = machine.userFolder("pgbouncer");
    writeFileSync(`${folder}/pgbouncer.ini`, `
[databases]
* = host=127.0.0.1 port=${server.port}
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
server_login_retry = 1
${hasStatements ? "max_prepared_statements = 200" : ""}
`, { mode: 0o644 });
    writeFileSync(`${folder}/users`, '"postgres" ""\n', { mode: 0o644 });
    const pooler = Object.assign(new Pooler(), { machine, folder, command, url: `postgres://postgres@127.0.0.1:${port}/postgres` });
    await pooler.start();
    return pooler;
  }

  async start() {
    const [command, args] = this.machine.asUser(this.command, [`${this.folder}/pgbouncer.ini`]);
    this.child = this.machine.spawn("pgbouncer", command, args);
    await until("PgBouncer answers", async () => (await query(this.url, "SELECT 1")).length);
  }

  async restart() {
    this.child.killAll();
    await this.child.ended;
    await pause(1000);
    await this.start();
  }
}

const scenario = (pgbouncer, mode) => async ({ machine, binary, times = 3 }) => {
  const { command, version } = await pgbouncer();
  const hasStatements = mode === "transaction" && isSince(version);
  let primary = await Postgres.primary(machine, "node-0");
  const proxy = await Proxy.to(machine, primary);
  const pooler = await Pooler.start(machine, command, mode, proxy, hasStatements);
  const service = new Service(machine, binary, pooler.url);
  const name = `PgBouncer ${version.join(".")}, ${mode} mode`;
  if (mode === "transaction" && !hasStatements) {
    const refusal = await service.prepare().then(() => "not refused", ({ message }) => message.split("error: ").at(-1));
    return { row: `| ${name} | refused: ${refusal} | | | | | | | |`, isGood: /transaction mode.*PgBouncer 1\.21/.test(refusal) };
  }
  await service.prepare();
  let standby = await primary.standby("node-1");
  const instances = [await service.start("one"), await service.start("two")];
  const bases = instances.map(({ base }) => base);
  const load = new Load(service, bases, instances);
  await load.begin();
  const back = async (what) => {
    const since = now();
    await until(`orders at both instances: ${what}`, () => bases.every((base) => load.takenAt(base, since) > 50));
    say(`${name}, ${what}: orders at both instances after ${((now() - since) / 1000).toFixed(1)} s`);
  };
  for (let n = 0; n < times; n++) {
    await pause(3000);
    await pooler.restart();
    await back("PgBouncer killed");
    await primary.kill();
    proxy.cut();
    await standby.promote();
    proxy.move(standby);
    primary = standby;
    await back("primary killed");
    standby = await primary.standby(`node-${n + 2}`);
  }
  await pause(2000);
  return report(`${name}, it and the primary behind it killed × ${times}, with followers`, load, primary.url);
};

export const scenarios = [scenario(older, "session"), scenario(older, "transaction"), scenario(newer, "session"), scenario(newer, "transaction")];
