/** The tenant's own words for its mails; what is not here has the words that are shipped. */
import type { Db } from "./db.ts";
import type { MailKind } from "./notifications/kinds.ts";

export type MailTemplate = { readonly subject: string; readonly text: string; readonly html: string };
export type StoredTemplate = MailTemplate & { readonly kind: MailKind; readonly updatedAt: Date };

export async function storedTemplates(db: Db): Promise<readonly StoredTemplate[]> {
  return await db<StoredTemplate[]>`SELECT kind, subject, text, html, updated_at FROM mail_templates ORDER BY kind`;
}

export async function storedTemplate(db: Db, kind: MailKind): Promise<StoredTemplate | undefined> {
  const [row] = await db<StoredTemplate[]>`
    SELECT kind, subject, text, html, updated_at FROM mail_templates WHERE kind = ${kind}`;
  return row;
}

export async function storeTemplate(
  db: Db,
  kind: MailKind,
  { subject, text, html, now }: MailTemplate & { readonly now: Date },
): Promise<void> {
  await db`
    INSERT INTO mail_templates (kind, subject, text, html, updated_at) VALUES (${kind}, ${subject}, ${text}, ${html}, ${now})
    ON CONFLICT (kind) DO UPDATE
      SET subject = excluded.subject, text = excluded.text, html = excluded.html, updated_at = excluded.updated_at`;
}

/** Back to the shipped words; false where it has them already. */
export async function removeTemplate(db: Db, kind: MailKind): Promise<boolean> {
  const removed = await db`DELETE FROM mail_templates WHERE kind = ${kind}`;
  return removed.count > 0;
}
