/** What the scheduling policies look at. Data only. Sizes are bytes. */
export type Candidate = {
  readonly orderId: number;
  readonly number: number;
  readonly owner: string;
  readonly bytes: number;
  /** When the order was asked for. */
  readonly createdAt: { getTime(): number };
  /** Brought to its user as one, so the gate would keep it back for ever. */
  readonly delivered?: boolean;
};

export type Limits = {
  readonly running: number;
  readonly runningPerUser: number;
  readonly gate: "Always" | "WhenFull" | "Never";
  readonly gatePerUser: number;
};

/** Room for fetched files; absent where there is no end to it. */
export type Space = { readonly used: number; readonly room?: number };

export type View = {
  /** The next few of each owner, the smallest first. */
  readonly waiting: readonly Candidate[];
  readonly runningByOwner: ReadonlyMap<string, number>;
  /** Fetched sub-orders of each owner with something never downloaded. */
  readonly undownloadedByOwner: ReadonlyMap<string, number>;
  /** Orders of which something runs or has ended: all others are fresh. */
  readonly begun: ReadonlySet<number>;
  readonly space: Space;
};
