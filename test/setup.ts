/**
 * The programs of the system that tests compare with (zip readers above all): as root on Debian what is missing is installed,
 * elsewhere it is said what to install, and the tests that need it skip with a word.
 */
import { existsSync } from "node:fs";

/** Program, or path where it is on no PATH → the Debian package that holds it. */
const PROGRAMS = {
  unzip: "unzip",
  zip: "zip",
  "7z": "p7zip-full",
  curl: "curl",
  promtool: "prometheus",
  python3: "python3-minimal",
  java: "default-jdk-headless",
  "/usr/lib/rabbitmq/bin/rabbitmq-server": "rabbitmq-server",
  "/usr/share/python-wheels": "python3-venv",
  containerd: "containerd",
  runc: "runc",
  "/usr/lib/cni/bridge": "containernetworking-plugins",
  iptables: "iptables",
  conntrack: "conntrack",
  ipset: "ipset",
  buildah: "buildah",
  ip: "iproute2",
} as const;

/** Makes the programs available where it may; returns what to tell the user, if anything. */
export async function installPrograms(): Promise<string | undefined> {
  const missing = missingPackages();
  if (missing.length === 0) return undefined;
  const debian = existsSync("/etc/debian_version") && Bun.which("apt-get") !== null;
  if (debian && process.getuid?.() === 0) {
    await apt("update");
    await apt("install", "-y", "--no-install-recommends", ...missing);
  }
  const still = missingPackages();
  return still.length === 0 ? undefined : `Some tests need programs that are not here: install ${still.join(" ")}`;
}

function missingPackages(): readonly string[] {
  return Object.entries(PROGRAMS)
    .filter(([program]) => (program.startsWith("/") ? !existsSync(program) : Bun.which(program) === null))
    .map(([, name]) => name);
}

async function apt(...args: readonly string[]): Promise<void> {
  const child = Bun.spawn(["apt-get", "-qq", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await child.exited;
}
