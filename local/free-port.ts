/** A port to listen on, known before anything listens: an address that is written down must be known first. */
import { createServer } from "node:net";

/** `wanted` if nobody listens there, else (and for 0) any free port of that address. */
export function freePort(host: string, wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => (wanted === 0 ? reject(error) : resolve(freePort(host, 0))));
    probe.listen({ host, port: wanted }, () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
