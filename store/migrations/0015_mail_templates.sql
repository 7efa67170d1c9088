-- Mails as the tenant's administrators have written them; a kind without row has the words that are shipped.
CREATE TABLE mail_templates (
  kind text PRIMARY KEY,
  subject text NOT NULL,
  text text NOT NULL,
  html text NOT NULL,
  updated_at timestamptz NOT NULL
);
