// A TCP proxy that stands for a name: where it leads can change, and what it led to can vanish without a word. It runs in a
// process of its own, so that nobody's work delays what passes.
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";

export class Proxy {
  /** At a port of its own, leading to a server of this machine. */
  static async to(machine, { port }) {
    const proxy = new Proxy();
    const stdio = (log) => ["ignore", log, log, "ipc"];
    proxy.child = machine.spawn("proxy", process.execPath, [fileURLToPath(import.meta.url), port], { stdio });
    proxy.port = await new Promise((done) => proxy.child.once("message", done));
    proxy.address = `127.0.0.1:${proxy.port}`;
    return proxy;
  }

  /** From here on nothing of the open connections arrives anywhere, and nobody is told; new ones are not answered. */
  vanish() {
    this.child.send({ vanish: true });
  }

  /** New connections lead to that server. */
  move({ port }) {
    this.child.send({ target: port });
  }

  /** Ends every open connection, as a proxy does that knows its server is down. */
  cut() {
    this.child.send({ cut: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pairs = new Set();
  let target = Number(process.argv[2]);
  const join = (near) => {
    if (target === null) {
      // Nobody is there who could refuse: the caller waits.
      pairs.add([near]);
      near.on("error", () => {}).pause();
      return;
    }
    const far = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    const pair = [near, far];
    pairs.add(pair);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.setNoDelay(true);
      one.on("error", () => !pair.isGone && other.destroy());
      one.on("close", () => !pair.isGone && pairs.delete(pair) && other.destroy());
      one.pipe(other);
    }
  };
  const server = createServer({ allowHalfOpen: true }, join);
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
  process.on("disconnect", () => process.exit()).on("message", (told) => {
    if (told.vanish) {
      target = null;
      for (const pair of pairs) {
        pair.isGone = true;
        for (const socket of pair) socket.unpipe().removeAllListeners("data").pause();
      }
    }
    if (told.cut) {
      for (const pair of pairs) pair.forEach((socket) => socket.destroy());
      pairs.clear();
    }
    if (told.target) target = told.target;
  });
}
