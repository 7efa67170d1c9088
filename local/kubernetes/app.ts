/** The HTTP surface: which path leads to what. Every answer, also a refusal, is one that a Kubernetes client understands. */
import { Elysia } from "elysia";
import { reviewAnswer } from "./auth/reviews.ts";
import { discoveryAnswer } from "./discovery/answer.ts";
import type { Kube } from "./kube.ts";
import { openApiAnswer } from "./openapi/answer.ts";
import { errorAnswer, json } from "./respond/answer.ts";
import { noSuchPath } from "./status.ts";
import { handleResource } from "./verbs/resource.ts";

/** The Kubernetes version whose behaviour is followed; kubectl compares it with its own. */
const VERSION = {
  major: "1",
  minor: "34",
  gitVersion: "v1.34.0+regards-order",
  platform: `${process.platform}/${process.arch}`,
};

const HEALTH = ["/healthz", "/livez", "/readyz"];

export function kubernetesApp(kube: Kube) {
  const started = kube.now().getTime().toString(36);

  async function api({ request }: { request: Request }): Promise<Response> {
    try {
      const { pathname } = new URL(request.url);
      const discovered = request.method === "GET" ? discoveryAnswer(kube.registry, request, pathname) : undefined;
      return discovered ?? (await reviewAnswer(request, pathname)) ?? (await handleResource(kube, request));
    } catch (error) {
      return errorAnswer(error, kube.logger);
    }
  }

  function openApi({ request }: { request: Request }): Response {
    try {
      return openApiAnswer(kube.registry, new URL(request.url).pathname, started);
    } catch (error) {
      return errorAnswer(error, kube.logger);
    }
  }

  const raw = { parse: "none" } as const;
  const app = new Elysia({ normalize: false })
    .get("/version", () => json(VERSION))
    .get("/openapi/v3", openApi)
    .get("/openapi/v3/*", openApi)
    .all("/api", api, raw)
    .all("/api/*", api, raw)
    .all("/apis", api, raw)
    .all("/apis/*", api, raw)
    .all("/*", () => errorAnswer(noSuchPath(), kube.logger), raw);
  for (const path of HEALTH) app.get(path, () => new Response("ok"));
  return app;
}
