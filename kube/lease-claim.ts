/**
 * One process's claim on a Lease: tries to take or renew it, and knows when another's has run out.
 * Whether it has is measured on this machine's monotonic clock since the record was last seen to change: wall clocks may differ or jump.
 */
import { isAlreadyExists, isConflict, isNotFound } from "./errors.ts";
import { type Lease, microTime } from "./kinds.ts";
import type { ResourceApi } from "./resource.ts";

export type ClaimOptions = {
  readonly leases: ResourceApi<Lease>;
  readonly name: string;
  /** Different for every process, also for two that follow each other in one pod. */
  readonly identity: string;
  readonly leaseMs: number;
  readonly now: () => Date;
  readonly monotonic: () => number;
};

export class LeaseClaim {
  readonly #options: ClaimOptions;
  /** The lease as we wrote it last; absent when it must be read first. */
  #written: Lease | undefined;
  #seen = "";
  #seenAt = 0;

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  /** Takes or renews the lease. False: another holds it, or wrote first. Throws when the server cannot be asked. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (this.#written !== undefined && (await this.#write(this.#written, signal))) return true;
    const { leases, name } = this.#options;
    const current = await leases.get(name, { signal });
    if (current === undefined) return await this.#create(signal);
    if (!this.#mayTake(current)) return false;
    return await this.#write(current, signal);
  }

  /** Gives the lease back, so that the next need not wait for it to run out. */
  async release(signal: AbortSignal): Promise<void> {
    const { leases, name, identity, now } = this.#options;
    const held = this.#written ?? (await leases.get(name, { signal }));
    this.#written = undefined;
    if (held?.spec?.holderIdentity !== identity) return;
    const { holderIdentity: _, ...spec } = held.spec;
    const renewTime = microTime(now());
    await leases.replace({ ...held, spec: { ...spec, leaseDurationSeconds: 1, renewTime } }, { signal });
  }

  #mayTake(lease: Lease): boolean {
    const { holderIdentity, renewTime, leaseTransitions, leaseDurationSeconds } = lease.spec ?? {};
    const sight = JSON.stringify([lease.metadata.uid, holderIdentity, renewTime, leaseTransitions]);
    if (sight !== this.#seen) {
      this.#seen = sight;
      this.#seenAt = this.#options.monotonic();
    }
    if (!holderIdentity || holderIdentity === this.#options.identity) return true;
    const validMs = leaseDurationSeconds === undefined ? this.#options.leaseMs : leaseDurationSeconds * 1000;
    return this.#options.monotonic() - this.#seenAt > validMs;
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    const { leases, name } = this.#options;
    try {
      this.#written = await leases.create({ metadata: { name }, spec: this.#spec(undefined) }, { signal });
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) return false;
      throw error;
    }
  }

  /** Writes our claim over `before`, unless somebody else has written since. */
  async #write(before: Lease, signal: AbortSignal): Promise<boolean> {
    this.#written = undefined;
    try {
      this.#written = await this.#options.leases.replace({ ...before, spec: this.#spec(before) }, { signal });
      return true;
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return false;
      throw error;
    }
  }

  #spec(before: Lease | undefined): NonNullable<Lease["spec"]> {
    const { identity, leaseMs, now } = this.#options;
    const time = microTime(now());
    const renewed = before?.spec?.holderIdentity === identity;
    const transitions = before?.spec?.leaseTransitions ?? 0;
    return {
      holderIdentity: identity,
      // The API takes whole seconds only.
      leaseDurationSeconds: Math.max(1, Math.ceil(leaseMs / 1000)),
      acquireTime: (renewed && before?.spec?.acquireTime) || time,
      renewTime: time,
      leaseTransitions: before === undefined || renewed ? transitions : transitions + 1,
    };
  }
}
