/** The words of mails as they are shipped; a tenant's administrator may write others. Subjects are the contract's where it has some. */
import type { MailTemplate } from "#store/mail-templates.ts";
import type { MailKind } from "#store/notifications/kinds.ts";

/** What can be fetched, and until when. */
function links(o: { readonly onlyWithFiles: boolean }) {
  const [before, after] = o.onlyWithFiles ? ["{{#files_available}}", "{{/files_available}}"] : ["", ""];
  return {
    text: `${before}
Download what is ready: {{download_url}}
All links, for download managers: {{metalink_download_url}}
${after}{{#orders_url}}
Your order: {{orders_url}}
{{/orders_url}}{{#expiration_date}}
All order files are deleted as soon as the expiration date is reached: {{expiration_date}}.
{{/expiration_date}}`,
    html: `${before}<p><a href="{{download_url}}">Download what is ready</a>
or <a href="{{metalink_download_url}}">all links</a> for a download manager.</p>
${after}{{#orders_url}}<p><a href="{{orders_url}}">Show your order</a></p>
{{/orders_url}}{{#expiration_date}}<p>All order files are deleted as soon as the expiration date is reached: {{expiration_date}}.</p>
{{/expiration_date}}`,
  };
}

const FOOT_TEXT =
  "\n--\n{{project}}, order {{order_id}}. This mail was sent by a program; the links open the order to whoever has them.\n";
const FOOT_HTML =
  "<p><small>{{project}}, order {{order_id}}. This mail was sent by a program; the links open the order to whoever has them.</small></p>\n";

function template(subject: string, words: string, o: { readonly text: string; readonly html: string }): MailTemplate {
  return {
    subject,
    text: `${words}\n${o.text}${FOOT_TEXT}`,
    html: `<p>${words.replaceAll("{{order_label}}", "<b>{{order_label}}</b>")}</p>\n${o.html}${FOOT_HTML}`,
  };
}

const LINKS = links({ onlyWithFiles: true });

export const SHIPPED_TEMPLATES: Readonly<Record<MailKind, MailTemplate>> = {
  created: template(
    "Order number {{order_id}} is confirmed",
    "Your order {{order_label}} of {{files_total}} files is confirmed. Its files can be downloaded as they become ready.",
    links({ onlyWithFiles: false }),
  ),
  reminder: template(
    "Reminder: some orders are waiting for you",
    "One or more orders of your own are waiting to be downloaded. All order files are deleted as soon as the expiration date is reached.",
    {
      text: `{{#orders}}
* {{order_label}} (order {{order_id}}): {{files_available}} files{{#expiration_date}}, until {{expiration_date}}{{/expiration_date}}
  {{download_url}}
{{/orders}}`,
      html: `<ul>
{{#orders}}<li><a href="{{download_url}}">{{order_label}}</a> (order {{order_id}}): {{files_available}} files{{#expiration_date}}, until {{expiration_date}}{{/expiration_date}}</li>
{{/orders}}</ul>
`,
    },
  ),
  finished: template(
    "Order number {{order_id}} is finished",
    "Your order {{order_label}} is finished.{{#files_failed}} {{files_failed}} of its {{files_total}} files could not be retrieved.{{/files_failed}}",
    LINKS,
  ),
  failed: template(
    "Order number {{order_id}} finished with errors",
    "Your order {{order_label}} finished with errors.{{#files_failed}} {{files_failed}} of its {{files_total}} files could not be retrieved.{{/files_failed}}{{#message}} {{message}}{{/message}}",
    LINKS,
  ),
  expiring: template("Order number {{order_id}} expires soon", "Your order {{order_label}} expires soon.", LINKS),
};
