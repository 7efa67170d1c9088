import { expect, test } from "bun:test";
import { openapiPage } from "./openapi-page.ts";

const ref = { $ref: "#/components/schemas/Order" };
const page = openapiPage({
  info: { title: "orders", version: "1", description: "Orders <of> data." },
  paths: {
    "/orders/{id}": {
      put: {
        tags: ["orders"],
        summary: "Change one",
        "x-role": "ADMIN",
        parameters: [{ name: "id", in: "path", description: "Its number" }],
        requestBody: { required: true, content: { "application/json": { schema: ref } } },
        responses: {
          200: {
            description: "The `order`.",
            content: { "application/json": { schema: ref, example: { label: "Greenland & more" } } },
          },
          404: { description: "None.", content: { "application/json": { schema: ref, example: { gone: true } } } },
          201: {
            description: "Made.",
            content: { "application/json": { schema: { type: "object", title: "Inline" }, example: { id: 7 } } },
          },
          206: { description: "A part.", content: { "text/csv": { example: "A;B\n1;2\n" } } },
        },
      },
    },
  },
  components: { schemas: { Order: { type: "object", examples: [{ label: "Low tide" }] } } },
});

test("openapiPage() shows what to send and what comes, by example, with the schema a click away", () => {
  expect(page).toContain("&quot;label&quot;: &quot;Low tide&quot;");
  expect(page).toContain("&quot;label&quot;: &quot;Greenland &amp; more&quot;");
  expect(page).toContain("A;B\n1;2");
  expect(page).toContain('<a href="#Order">Order</a>');
  expect(page).toContain('id="Order"');
  expect(page).toContain("&quot;title&quot;: &quot;Inline&quot;");
});

test("openapiPage() shows no example of what went wrong: they are all alike", () => {
  expect(page).not.toContain("gone");
});

test("openapiPage() writes code as code, and nothing of the document as markup", () => {
  expect(page).toContain("The <code>order</code>.");
  expect(page).toContain("Orders &lt;of> data.");
  expect(page).not.toContain("<script");
});
