// PostgreSQL servers that Patroni runs: it elects their leader in etcd, and lets none be elected that lacks an acknowledged
// commit (synchronous mode).
import { writeFileSync } from "node:fs";

import { query } from "./audit.mjs";
import { send } from "./http.mjs";
import { program, run, until } from "./machine.mjs";
import { serverPrograms } from "./postgres.mjs";
import { signalAll } from "./processes.mjs";

const SCOPE = "orders";
/** The shortest that newer versions take. It is how long a leader that says nothing stays the leader. */
const TTL = 20;
/** Twice `retry_timeout` and once `loop_wait` are no more than the TTL; retries are long for a machine that is busy. */
const TIMES = { ttl: TTL, loop_wait: 2, retry_timeout: 8 };

/**
 * By which API etcd is asked. By the third, Patroni 3.0.2 (Debian 12) writes the leader's key without a look at it: a leader
 * that was frozen takes it back from its successor, and with it what the successor acknowledged alone.
 */
async function apiOfEtcd(patroni) {
  const [, major] = /(\d+)\./.exec(await run(patroni, ["--version"]));
  return Number(major) < 4 ? "etcd" : "etcd3";
}

class Node {
  constructor(machine, name, ports, { etcd, api }) {
    Object.assign(this, { machine, name, etcd, api, folder: machine.userFolder(name), file: machine.path(`${name}.yml`) }, ports);
    this.url = `postgres://postgres@127.0.0.1:${this.port}/postgres`;
    // What is JSON is YAML.
    writeFileSync(this.file, JSON.stringify(this.#config()));
  }

  #config() {
    const trust = ["all", "replication"].map((database) => `host ${database} all 127.0.0.1/32 trust`);
    const rest = `127.0.0.1:${this.rest}`;
    const address = `127.0.0.1:${this.port}`;
    const user = { username: "postgres" };
    return {
      scope: SCOPE, name: this.name, restapi: { listen: rest, connect_address: rest }, [this.api]: { hosts: [`127.0.0.1:${this.etcd}`] },
      bootstrap: {
        dcs: {
          ...TIMES, synchronous_mode: true,
          postgresql: { use_pg_rewind: true, parameters: { max_connections: 200, wal_keep_size: "256MB" } },
        },
        initdb: [{ encoding: "UTF8" }, { locale: "C.UTF-8" }, { auth: "trust" }, "no-sync"],
      },
      postgresql: {
        listen: address, connect_address: address, data_dir: `${this.folder}/data`, bin_dir: serverPrograms(), pgpass: `${this.folder}/pgpass`,
        authentication: { superuser: user, replication: user, rewind: user }, pg_hba: trust,
        parameters: { unix_socket_directories: this.folder }, basebackup: [{ checkpoint: "fast" }],
        remove_data_directory_on_rewind_failure: true, remove_data_directory_on_diverged_timelines: true,
      },
    };
  }

  start() {
    const [command, args] = this.machine.asUser(program("patroni", "patroni"), [this.file]);
    this.child = this.machine.spawn(this.name, command, args, { cwd: this.folder, env: { HOME: this.folder } });
  }

  /** Ends Patroni and its server, as a power cut would. */
  async kill() {
    signalAll(this.folder);
    await this.child.ended;
  }

  freeze() {
    signalAll(this.folder, "SIGSTOP");
  }

  goOn() {
    signalAll(this.folder, "SIGCONT");
  }
}

export class Cluster {
  /** A leader and a synchronous standby. */
  static async start(machine) {
    const [port, peer] = [await machine.port(), await machine.port()];
    const api = await apiOfEtcd(program("patroni", "patroni", "python3-etcd"));
    const at = (number) => `http://127.0.0.1:${number}`;
    const etcd = machine.spawn("etcd", program("etcd", "etcd-server"), [
      "--name", "etcd", "--data-dir", machine.path("etcd"), "--listen-client-urls", at(port), "--advertise-client-urls", at(port),
      "--listen-peer-urls", at(peer), "--initial-advertise-peer-urls", at(peer), "--initial-cluster", `etcd=${at(peer)}`,
      ...(api === "etcd" ? ["--enable-v2"] : []),
    ]);
    await until("etcd answers", async () => {
      if (etcd.exitCode !== null) throw new Error("etcd ended");
      return (await send(at(port), undefined, "GET", "/health", {}, "", 2000)).status === 200;
    });
    const cluster = new Cluster();
    cluster.nodes = [];
    for (const name of ["node-0", "node-1"]) {
      const node = new Node(machine, name, { port: await machine.port(), rest: await machine.port() }, { etcd: port, api });
      cluster.nodes.push(node);
      node.start();
      if (name === "node-0") await until("Patroni has a leader", () => cluster.leader());
    }
    await cluster.whole();
    return cluster;
  }

  /** What each node says that it is, as HAProxy asks. */
  async leader() {
    for (const node of this.nodes) {
      const { status } = await send(`http://127.0.0.1:${node.rest}`, undefined, "GET", "/primary", {}, "", 1000);
      if (status === 200) return node;
    }
    return undefined;
  }

  /** Waits until the leader waits for its standby, so that another fault may come. */
  whole() {
    return until("the standby is synchronous", async () => {
      const leader = await this.leader();
      if (!leader) return false;
      const rows = await query(leader.url, "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'");
      // That the server waits is not enough: Patroni elects the standby that etcd names.
      const standby = this.nodes.find((node) => node !== leader);
      const isNamed = (await send(`http://127.0.0.1:${standby.rest}`, undefined, "GET", "/sync", {}, "", 1000)).status === 200;
      return rows[0]?.[0] === "sync" && isNamed && leader;
    }, 180);
  }

  async switchOver(leader) {
    const candidate = this.nodes.find((node) => node !== leader).name;
    await run(program("patronictl", "patroni"), ["-c", leader.file, "switchover", "--candidate", candidate, "--force", SCOPE], { env: { ...process.env, LC_ALL: "C.UTF-8" } });
  }
}
