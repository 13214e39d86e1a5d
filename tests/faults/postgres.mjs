// PostgreSQL servers of a scenario's own: a primary, and standbys that replicate from it.
import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

import { query } from "./audit.mjs";
import { program, run, until } from "./machine.mjs";
import { signalAll } from "./processes.mjs";

/** Where the newest server's programs are. */
export function serverPrograms() {
  const newest = () => {
    try {
      return readdirSync("/usr/lib/postgresql").sort((a, b) => b - a).map((version) => `/usr/lib/postgresql/${version}/bin`)[0];
    } catch {
      return undefined;
    }
  };
  if (!newest()) {
    program("pg_ctlcluster", "postgresql");
  }
  return newest();
}

/** Where a server runs: here, unless it has a host of its own. */
const HERE = { address: "127.0.0.1", wrap: (command, args) => [command, args] };

export class Postgres {
  constructor(machine, name, port, host = HERE) {
    Object.assign(this, { machine, name, port, host, bin: serverPrograms(), data: machine.path(name, "data") });
    this.url = `postgres://postgres@${host.address}:${port}/postgres`;
  }

  #run(name, ...args) {
    const { machine } = this;
    return run(...machine.asUser(`${this.bin}/${name}`, args), { cwd: machine.folder, env: { PATH: process.env.PATH, HOME: machine.folder } });
  }

  /** A new server with nothing in it. */
  static async primary(machine, name, { host, wal } = {}) {
    const server = new Postgres(machine, name, host?.port ?? (await machine.port()), host);
    machine.userFolder(name);
    await server.#run(
      "initdb", "-D", server.data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
      ...(wal ? ["--waldir", wal] : []),
    );
    // Its hosts are its own, and nobody else reaches them.
    if (host) appendFileSync(`${server.data}/pg_hba.conf`, "host all all all trust\nhost replication all all trust\n");
    await server.start();
    return server;
  }

  async start(...settings) {
    const { machine, data, port, host } = this;
    const args = [
      "-D", data, "-p", port, "-c", `listen_addresses=${host.address}`, "-c", "unix_socket_directories=",
      "-c", "max_connections=200", "-c", "wal_level=replica", "-c", "max_wal_senders=10", "-c", "hot_standby=on",
      "-c", "wal_keep_size=256MB", "-c", "wal_receiver_status_interval=1s", ...settings.flatMap((setting) => ["-c", setting]),
    ];
    const [command, all] = host.wrap(...machine.asUser(`${this.bin}/postgres`, args.map(String)));
    this.child = machine.spawn(this.name, command, all);
    await until(`PostgreSQL ${this.name} answers`, async () => (await query(this.url, "SELECT 1")).length);
  }

  /** A standby of this server; its acknowledgement is waited for from then on. */
  async standby(name, host) {
    const { machine } = this;
    const server = new Postgres(machine, name, host?.port ?? (await machine.port()), host);
    rmSync(machine.path(name), { recursive: true, force: true });
    machine.userFolder(name);
    await this.#run("pg_basebackup", "-d", `${this.url}?application_name=${name}`, "-D", server.data, "-R", "-c", "fast", "--no-sync");
    // Whom the standby waits for once it is the primary is decided then.
    const settings = `${server.data}/postgresql.auto.conf`;
    const kept = readFileSync(settings, "utf8").split("\n").filter((line) => !line.startsWith("synchronous_standby_names"));
    writeFileSync(settings, kept.join("\n"));
    await server.start();
    await query(this.url, "ALTER SYSTEM SET synchronous_standby_names = '*'");
    await query(this.url, "SELECT pg_reload_conf()");
    await until(`${name} is synchronous`, async () => (await query(this.url, "SELECT sync_state FROM pg_stat_replication"))[0]?.[0] === "sync");
    return server;
  }

  promote() {
    return this.#run("pg_ctl", "promote", "-w", "-D", this.data);
  }

  /** Ends it as a power cut would. */
  async kill() {
    this.child.killAll();
    signalAll(this.data);
    await this.child.ended;
  }
}
