/** A TCP proxy that does to connections what networks do: cut them, refuse them, or let them fall silent while both ends think all is well. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

export type TcpProxy = {
  readonly port: number;
  /** Resets every connection there is. */
  cut(): void;
  /** Resets every connection, and new ones as soon as they are made, until `accept`. */
  refuse(): void;
  accept(): void;
  /** Resets a connection as soon as so many pieces have come over it, from either side; zero: none any more. */
  cutAfter(pieces: number): void;
  /** The connections there are now carry nothing any more, and stay open. New ones work. */
  silence(): void;
  /** Connections made so far. */
  connections(): number;
  stop(): Promise<void>;
};

/** Listens on a free port of the loopback, or of another address of this machine. */
export async function tcpProxy(
  target: { readonly host: string; readonly port: number },
  host: string = "127.0.0.1",
): Promise<TcpProxy> {
  const pairs = new Set<{ client: Socket; server: Socket }>();
  const silent = new Set<Socket>();
  let refusing = false;
  let most = 0;
  let made = 0;
  const proxy = createServer((client) => {
    if (refusing) return void client.resetAndDestroy();
    made++;
    const server = connect(target.port, target.host);
    const pair = { client, server };
    pairs.add(pair);
    let pieces = 0;
    const pass = (from: Socket, to: Socket) => {
      from.on("data", (bytes) => {
        if (most > 0 && ++pieces >= most) {
          from.resetAndDestroy();
          to.resetAndDestroy();
          return;
        }
        if (!silent.has(from)) to.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => {
        if (silent.has(from)) return;
        to.destroy();
        pairs.delete(pair);
      });
    };
    pass(client, server);
    pass(server, client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, host, resolve));
  const cut = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    pairs.clear();
  };
  return {
    port: (proxy.address() as AddressInfo).port,
    cut,
    refuse: () => {
      refusing = true;
      cut();
    },
    accept: () => {
      refusing = false;
    },
    cutAfter: (count) => {
      most = count;
    },
    silence: () => {
      for (const { client, server } of pairs) {
        silent.add(client);
        silent.add(server);
      }
    },
    connections: () => made,
    stop: async () => {
      cut();
      await new Promise<void>((resolve) => proxy.close(() => resolve()));
    },
  };
}
