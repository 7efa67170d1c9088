/** The tenant's mail templates over REST: what is stored can be rendered, because what cannot is refused with the place of what is wrong. */
import { TypeCompiler } from "@sinclair/typebox/compiler";
import {
  removeTemplate,
  type StoredTemplate,
  storedTemplate,
  storedTemplates,
  storeTemplate,
} from "#store/mail-templates.ts";
import { MAIL_KINDS, type MailKind } from "#store/notifications/kinds.ts";
import { listNotifications, NOTIFICATION_STATES } from "#store/notifications/read.ts";
import { readSettings } from "#store/settings.ts";
import type { Call, Handler } from "../../http/call.ts";
import { checkedBody } from "../../http/check-body.ts";
import { pageBody, pageRequest } from "../../http/page.ts";
import { HttpProblem } from "../../http/problem.ts";
import { json } from "../../http/respond.ts";
import { orderToRead } from "../../orders/access.ts";
import { toNotificationDto } from "../notification-dto.ts";
import { composeMail, templateProblems } from "./compose.ts";
import { exampleOrder } from "./example.ts";
import { type MailDeps, valuesOf } from "./message.ts";
import { MailPreviewRequest, MailTemplateRequest } from "./schemas.ts";
import { SHIPPED_TEMPLATES } from "./shipped.ts";

export type MailHandlerDeps = MailDeps & { readonly now: () => Date };

const requests = TypeCompiler.Compile(MailTemplateRequest);
const previews = TypeCompiler.Compile(MailPreviewRequest);

export type MailOperation =
  | "listMailTemplates"
  | "getMailTemplate"
  | "updateMailTemplate"
  | "resetMailTemplate"
  | "previewMail"
  | "listMails";

export function mailHandlers(deps: MailHandlerDeps): Readonly<Record<MailOperation, Handler>> {
  const { db } = deps;
  const shown = async (kind: MailKind, stored: StoredTemplate | undefined) => {
    const { mail_kinds } = await readSettings(db);
    return view(kind, stored, mail_kinds);
  };
  return {
    listMailTemplates: async () => {
      const [stored, { mail_kinds }] = await Promise.all([storedTemplates(db), readSettings(db)]);
      return json(
        200,
        MAIL_KINDS.map((kind) =>
          view(
            kind,
            stored.find((one) => one.kind === kind),
            mail_kinds,
          ),
        ),
      );
    },
    getMailTemplate: async (call) => {
      const kind = mailKind(call);
      return json(200, await shown(kind, await storedTemplate(db, kind)));
    },
    updateMailTemplate: async (call) => {
      const kind = mailKind(call);
      const template = checkedBody(requests, call.body);
      refuseProblems(templateProblems(template));
      await storeTemplate(db, kind, { ...template, now: deps.now() });
      return json(200, await shown(kind, await storedTemplate(db, kind)));
    },
    resetMailTemplate: async (call) => {
      const kind = mailKind(call);
      await removeTemplate(db, kind);
      return json(200, await shown(kind, undefined));
    },
    previewMail: (call) => preview(deps, call),
    listMails: async ({ query }) => {
      const page = pageRequest(query);
      const state = NOTIFICATION_STATES.find((one) => one === query.get("state"));
      const { rows, total } = await listNotifications(db, { of: "mail", ...(state && { state }) }, page);
      const href = `${deps.base}/mails${state ? `?state=${state}` : ""}`;
      return json(200, pageBody(page, rows.map(toNotificationDto), { total, href }));
    },
  };
}

/** The mail as it would be sent: of these words, else of the tenant's. */
async function preview(deps: MailHandlerDeps, call: Call): Promise<Response> {
  const kind = mailKind(call);
  const { orderId, ...words } = checkedBody(previews, call.body ?? {});
  const stored = (await storedTemplate(deps.db, kind)) ?? SHIPPED_TEMPLATES[kind];
  const template = { subject: stored.subject, text: stored.text, html: stored.html, ...words };
  refuseProblems(templateProblems(template));
  const now = deps.now();
  const order =
    orderId === undefined
      ? exampleOrder(call.principal.email, now)
      : await orderToRead(deps.db, call.principal, orderId);
  return json(200, composeMail(template, await valuesOf(deps, [order])));
}

function mailKind({ params }: Call): MailKind {
  const name = params["kind"] ?? "";
  const kind = MAIL_KINDS.find((known) => known === name);
  if (kind) return kind;
  throw new HttpProblem(404, [`No mail is called '${name.slice(0, 64)}': expected one of ${MAIL_KINDS.join(", ")}`]);
}

function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new HttpProblem(422, problems);
}

function view(kind: MailKind, stored: StoredTemplate | undefined, enabled: readonly MailKind[]) {
  const { subject, text, html } = stored ?? SHIPPED_TEMPLATES[kind];
  return {
    kind,
    enabled: enabled.includes(kind),
    shipped: stored === undefined,
    ...(stored && { updateDate: stored.updatedAt.toISOString() }),
    subject,
    text,
    html,
  };
}
