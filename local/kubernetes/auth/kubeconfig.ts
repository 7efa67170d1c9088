/** The kubeconfig by which kubectl finds and trusts this server: its address, its authority, the token. Mode 0600. */
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

const NAME = "regards-order";

export async function writeKubeconfig(
  path: string,
  o: { server: string; ca: string; token: string; namespace: string },
): Promise<void> {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: NAME, cluster: { server: o.server, "certificate-authority-data": Buffer.from(o.ca).toString("base64") } },
    ],
    users: [{ name: NAME, user: { token: o.token } }],
    contexts: [{ name: NAME, context: { cluster: NAME, user: NAME, namespace: o.namespace } }],
    "current-context": NAME,
  };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  // JSON is YAML.
  await writeFile(temporary, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}
