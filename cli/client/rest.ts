/**
 * The service's REST contract, as a client sees it: the token endpoint and the order routes.
 * Answers are read where they lie in REGARDS' envelope (`content`), errors become one sentence with the server's own words.
 */
import { Failure } from "../failure.ts";
import type { Session } from "./session.ts";

const PREFIX = "/api/v1/rs-order";
const TOKEN_PATH = "/api/v1/rs-authentication/oauth/token";
/** The contract's public client, for which the token endpoint asks (rs-order.md §10.1). */
const CLIENT = `Basic ${btoa("client:secret")}`;
const ANSWER_MS = 60_000;

export type OrderView = {
  readonly id: number;
  readonly owner: string;
  readonly label: string;
  readonly status: string;
  readonly statusDate?: string;
  readonly creationDate?: string;
  readonly expirationDate?: string;
  readonly percentCompleted: number;
  readonly filesInErrorCount: number;
  readonly availableFilesCount: number;
  readonly message?: string;
  readonly datasetTasks: readonly DatasetView[];
};
export type DatasetView = {
  readonly id: number;
  readonly datasetLabel: string;
  readonly objectsCount: number;
  readonly filesCount: number;
  readonly filesSize: number;
};
export type FileView = { readonly filename: string; readonly checksum?: string; readonly filesize?: number };
export type FailedFile = { readonly filename: string; readonly downloadError?: string };
export type Page<T> = { readonly total: number; readonly pages: number; readonly items: readonly T[] };
export type Applied = { readonly orderId: number; readonly status: string; readonly correlationId: string };

export type Preview = {
  readonly orderId?: number;
  readonly productsCount: number;
  readonly filesCount: number;
  readonly filesSize: number;
  readonly references: { readonly files: number; readonly bytes: number };
  readonly subOrders: { readonly toFetch: number; readonly references: number };
  readonly datasets: readonly Omit<DatasetView, "id">[];
  readonly processes?: readonly {
    readonly name: string;
    readonly filesCount: number;
    readonly filesSize: number;
    readonly runs: number;
  }[];
  readonly quota: { readonly files: number; readonly maxQuota: number; readonly remaining?: number };
  readonly estimate?: { readonly seconds: number; readonly bytesPerSecond: number };
};

export type ProcessView = {
  readonly name: string;
  readonly title?: string;
  readonly scope: "SubOrder" | "Product";
  readonly inputs: readonly string[];
  readonly limits?: {
    readonly files?: number;
    readonly products?: number;
    readonly bytes?: number;
    readonly forbidSplit?: boolean;
  };
  readonly datasets?: readonly string[];
  /** JSON Schema. */
  readonly parameters?: { readonly properties?: object; readonly required?: readonly string[] };
};

export type ActionResults = {
  readonly results: readonly {
    readonly orderId: number;
    readonly status: number;
    readonly messages: readonly string[];
  }[];
  readonly remaining: number;
};

type Call = {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** A long answer: no limit on its time. */
  readonly long?: boolean;
  readonly signal?: AbortSignal;
};

export type RestClient = ReturnType<typeof restClient>;

/** Asks for a token with a password. */
export async function signIn(o: {
  url: string;
  tenant: string;
  user: string;
  password: string;
  now: () => Date;
}): Promise<Session> {
  const url = serviceUrl(o.url);
  const response = await reach(`${url}${TOKEN_PATH}?scope=${encodeURIComponent(o.tenant)}`, {
    method: "POST",
    headers: { Authorization: CLIENT, "Content-Type": "application/json" },
    body: JSON.stringify({ grant_type: "password", username: o.user, password: o.password, scope: o.tenant }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (response.status === 400 || response.status === 401) {
    throw new Failure(`Cannot sign in as '${o.user}': unknown user or wrong password`);
  }
  const answer = await readAnswer(response, "sign in");
  const token = answer["access_token"];
  if (typeof token !== "string") throw new Failure(`Cannot sign in: '${url}' does not answer as this service does`);
  const lifetime = Number(answer["expires_in"] ?? 3600);
  const expires = new Date(o.now().getTime() + lifetime * 1000).toISOString();
  return { url, tenant: o.tenant, user: o.user, token, expires };
}

/** The order routes, for one signed-in user. */
export function restClient(session: Session) {
  const call = async (path: string, init: Call = {}) => {
    const response = await reach(`${session.url}${PREFIX}${path}`, {
      method: init.method ?? "GET",
      headers: {
        Authorization: `Bearer ${session.token}`,
        ...(init.body !== undefined && { "Content-Type": "application/json" }),
        ...init.headers,
      },
      ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
      ...(init.long ? { timeout: false } : { signal: AbortSignal.timeout(ANSWER_MS) }),
      ...(init.signal && { signal: init.signal }),
    });
    if (response.status === 401 && (await isTokenRefused(response))) {
      throw new Failure(`Signed in no longer: run \`regards-order login ${session.url} --user ${session.user}\` again`);
    }
    return response;
  };
  const act = async (action: string, path: string, method: string) => {
    const response = await call(path, { method });
    if (!response.ok) throw await refusal(response, action);
    await response.body?.cancel();
  };
  return {
    session,
    /** The JSON that a route answers with; undefined where it answers with nothing. */
    async ask(action: string, path: string, init: { method?: string; body?: unknown } = {}): Promise<unknown> {
      const response = await call(path, init);
      if (!response.ok) throw await refusal(response, action);
      const text = await response.text();
      return text === "" ? undefined : JSON.parse(text);
    },
    async apply(body: unknown): Promise<Applied> {
      return content(await readAnswer(await call("/user/orders/apply", { method: "POST", body }), "order")) as Applied;
    },
    async preview(body: unknown): Promise<Preview> {
      const response = await call("/user/orders/apply?dryRun=true", { method: "POST", body });
      return content(await readAnswer(response, "order")) as Preview;
    },
    async processes(): Promise<readonly ProcessView[]> {
      const response = await call("/processes");
      if (!response.ok) throw await refusal(response, "list processes");
      return (await response.json()) as readonly ProcessView[];
    },
    async order(id: number): Promise<OrderView> {
      return content(await readAnswer(await call(`/user/orders/${id}`), `read order ${id}`)) as OrderView;
    },
    async orders(o: { page: number; size: number }): Promise<Page<OrderView>> {
      return readPage(await call(`/user/orders?page=${o.page}&size=${o.size}`), "list orders");
    },
    /** Files of the order that are ready and were not downloaded yet. */
    async availableFiles(id: number, o: { page: number; size: number }): Promise<Page<FileView>> {
      const response = await call(`/orders/${id}/files/available?page=${o.page}&size=${o.size}`);
      return readPage(response, `list the files of order ${id}`);
    },
    /** Files of a dataset of the order that could not be had, at most `size`. */
    async failedFiles(id: number, o: { dataset: number; size: number }): Promise<readonly FailedFile[]> {
      // By state from the end of the alphabet: PROCESSING_ERROR, PENDING, ERROR; what has no reason has not failed.
      const response = await call(`/orders/${id}/dataset/${o.dataset}/files?sort=state,desc&size=${o.size}`);
      const { items } = await readPage<FailedFile>(response, `list the files of order ${id}`);
      return items.filter((file) => file.downloadError !== undefined);
    },
    pause: (id: number) => act(`pause order ${id}`, `/user/orders/pause/${id}`, "PUT"),
    resume: (id: number) => act(`resume order ${id}`, `/user/orders/resume/${id}`, "PUT"),
    retry: (id: number) => act(`retry order ${id}`, `/user/orders/${id}/retry`, "PUT"),
    cancel: (id: number) => act(`cancel order ${id}`, `/user/orders/${id}/cancel`, "PUT"),
    /** The order with what holds now, or as it was where the service needs longer. */
    async extend(id: number, until: Date): Promise<OrderView> {
      const body = { expirationDate: until.toISOString() };
      const response = await call(`/user/orders/${id}`, { method: "PATCH", body });
      const { expirationDate, ...order } = content(await readAnswer(response, `extend order ${id}`)) as OrderView;
      return response.status === 200 && expirationDate !== undefined ? { ...order, expirationDate } : order;
    },
    remove: (id: number) => act(`delete order ${id}`, `/user/orders/${id}`, "DELETE"),
    /** One action on many orders; `ids` absent: on all own orders that it is allowed on. */
    async act(action: string, ids: readonly number[] | undefined): Promise<ActionResults> {
      const body = { action, ...(ids ? { orderIds: ids } : { filter: {} }) };
      const response = await call("/user/orders/actions", { method: "POST", body });
      return content(await readAnswer(response, `${action} orders`)) as ActionResults;
    },
    archive: (
      id: number,
      query: Readonly<Record<string, string>>,
      o: { method?: string; headers?: Record<string, string>; signal?: AbortSignal },
    ) => call(`/user/orders/${id}/download?${new URLSearchParams(query)}`, { long: true, ...o }),
  };
}

function serviceUrl(text: string): string {
  try {
    const url = new URL(text.includes("://") ? text : `http://${text}`);
    if (url.protocol === "http:" || url.protocol === "https:") return url.origin;
  } catch {
    // Told below, with the text as it was given.
  }
  throw new Failure(`Cannot use '${text}' as the service's address: an http or https URL is needed`);
}

async function reach(url: string, init: RequestInit & { timeout?: boolean }): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted && init.signal.reason instanceof Failure) throw init.signal.reason;
    if (error instanceof Error && error.name === "TimeoutError") {
      throw new Failure(`Cannot reach '${new URL(url).origin}': no answer within ${ANSWER_MS / 1000} s`, {
        cause: error,
      });
    }
    throw new Failure(`Cannot reach '${new URL(url).origin}': is the service running?`);
  }
}

/** 401 means a bad token or, by the contract, an action that the order's state forbids; only the latter carries a code. */
async function isTokenRefused(response: Response): Promise<boolean> {
  const text = await response.clone().text();
  return text === "" || text.includes("JWT FILTER") || text.includes("PUBLIC FILTER");
}

async function readAnswer(response: Response, action: string): Promise<Record<string, unknown>> {
  if (!response.ok) throw await refusal(response, action);
  try {
    const value: unknown = await response.json();
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new Failure(`Cannot ${action}: the answer of '${new URL(response.url).origin}' is not JSON`);
}

const content = (answer: Record<string, unknown>): unknown => answer["content"] ?? answer;

async function readPage<T>(response: Response, action: string): Promise<Page<T>> {
  if (response.status === 204) return { total: 0, pages: 0, items: [] };
  const answer = await readAnswer(response, action);
  const metadata = answer["metadata"] as { totalElements?: number; totalPages?: number } | undefined;
  const items = (answer["content"] as readonly Record<string, unknown>[] | undefined) ?? [];
  return {
    total: metadata?.totalElements ?? items.length,
    pages: metadata?.totalPages ?? 1,
    items: items.map((item) => content(item) as T),
  };
}

/** What the server said, as one sentence: its messages, the text of an answer, or its status. */
export async function refusal(response: Response, action: string): Promise<Failure> {
  const text = await response.text();
  return new Failure(`Cannot ${action}: ${serverWords(text) ?? statusWords(response.status)}`);
}

function serverWords(text: string): string | undefined {
  try {
    const value: { messages?: unknown; message?: unknown; content?: { message?: unknown } } = JSON.parse(text);
    if (Array.isArray(value.messages) && value.messages.length > 0) return value.messages.join("; ");
    const message = value.message ?? value.content?.message;
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

function statusWords(status: number): string {
  if (status === 403) return "it is another user's, or your role does not allow it (403)";
  if (status === 404) return "it does not exist (404)";
  if (status === 410) return "it has expired (410)";
  return `the service answered ${status}`;
}
