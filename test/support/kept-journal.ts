/** What a cluster knows, kept in memory such that it can be put back: a journal that gives out what was written to it up to now. */
import type { Change, Journal, Loaded } from "#local/kubernetes/storage/journal.ts";

export type KeptJournal = Journal & {
  /** All that there is, as a backup of etcd has it. */
  backup(): Loaded;
};

/** Begins with what is there in the backup, or empty. */
export function keptJournal(from: Loaded = { version: 0, objects: [] }): KeptJournal {
  const keyOf = (o: Omit<Change, "version">) => JSON.stringify([o.resource, o.namespace, o.name]);
  const objects = new Map(from.objects.map((each) => [keyOf(each), each]));
  let version = from.version;
  const backup = () => ({ version, objects: structuredClone([...objects.values()]) });
  return {
    backup,
    open: async () => backup(),
    async append(changes) {
      for (const change of changes) {
        version = change.version;
        if (change.object === undefined) objects.delete(keyOf(change));
        else objects.set(keyOf(change), change);
      }
    },
    close: async () => {},
  };
}
