/** What every role tells of itself: process, version, and whether its database answers. */
import { readdir } from "node:fs/promises";
import type { Registry } from "./registry.ts";

export function processMetrics(registry: Registry, o: { readonly role: string; readonly version: string }): void {
  const started = Date.now() / 1000 - process.uptime();
  const cpu = registry.counter("process_cpu_seconds_total", "User and system time of the process.");
  const memory = registry.gauge("process_resident_memory_bytes", "Resident memory of the process.");
  const files = registry.gauge("process_open_fds", "Open file descriptors.");
  registry.gauge("process_start_time_seconds", "When the process was started, in Unix time.").set(started);
  registry.gauge("regards_order_build_info", "Version and role of this process; always 1.").set(1, o);
  registry.onCollect(async () => {
    const { user, system } = process.cpuUsage();
    cpu.set((user + system) / 1_000_000);
    memory.set(process.memoryUsage.rss());
    files.set((await readdir("/proc/self/fd").catch(() => [])).length);
  });
}
