/** An API as a process of its own over the database and blobs it is given, for tests and measurements of several. Kubernetes is away for it. */
import { pathToFileURL } from "node:url";
import pino from "pino";
import { createApi } from "#api/app.ts";
import { serveApi } from "#api/http/serve.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { handlerTransport } from "#kube/transport.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { connect } from "#store/db.ts";
import { PREFIX, PUBLIC_URL, SECRET } from "./api-world.ts";

const [databaseUrl = "", schema = "", folder = ""] = process.argv.slice(2);
const db = connect(databaseUrl, { schema });
const api = createApi({
  db,
  transport: handlerTransport(() => new Response("away", { status: 503 }), { namespace: "default" }),
  catalogue: postgresCatalogue(db),
  blobs: await openBlobStore(pathToFileURL(folder).href, {}),
  config: { tenant: "default", publicUrl: PUBLIC_URL, prefix: PREFIX, jwtSecret: SECRET },
  now: () => new Date(),
  logger: pino({ level: "silent" }),
});
const { url } = await serveApi(api, { host: "127.0.0.1", port: 0 });
process.stdout.write(`${url}\n`);
