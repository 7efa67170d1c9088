/**
 * Hints that a resource is gone, by its name: from the watch, and from the sweep for what no watch told. Kept in memory and looked into again by the
 * pass that follows; what is forgotten here with the process, the next sweep finds.
 */
export type Departures = {
  note(name: string, uid: string): void;
  /** UIDs of the resources of this name that are said to be gone. */
  of(name: string): readonly string[];
  /** It was looked into. */
  settle(name: string, uid: string): void;
};

export function departures(): Departures {
  const noted = new Map<string, Set<string>>();
  return {
    note(name, uid) {
      const uids = noted.get(name);
      if (uids === undefined) noted.set(name, new Set([uid]));
      else uids.add(uid);
    },
    of: (name) => [...(noted.get(name) ?? [])],
    settle(name, uid) {
      const uids = noted.get(name);
      uids?.delete(uid);
      if (uids?.size === 0) noted.delete(name);
    },
  };
}
