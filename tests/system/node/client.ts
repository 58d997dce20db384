/*
 * A program of somebody else's: client and types are made from the OpenAPI document by openapi-typescript
 * and openapi-fetch. It must compile under strict rules, and it does what an integration does: who am I,
 * all controls page by page, a test run, a figure changed only as it was read, a refusal understood.
 *
 *   API=https://…/api/v1 TOKEN=pot_… node client.js
 *
 * A line that may not compile, because the document forbids it, is marked @ts-expect-error: where the
 * types let it pass, compiling fails.
 */
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };

type Control = components["schemas"]["Control"];
type Problem = components["schemas"]["Problem"];

const api = createClient<paths>({
  baseUrl: process.env.API ?? "",
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
});

/* What a call brought, or its problem as an error. */
function brought<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (data === undefined) throw new Error(`${error?.status} ${error?.title}: ${error?.detail ?? ""}`);
  return data;
}

async function allControls(): Promise<Control[]> {
  const found: Control[] = [];
  let cursor: string | null | undefined;
  do {
    const page = brought(
      await api.GET("/controls", { params: { query: { limit: 40, ...(cursor ? { cursor } : {}) } } }),
    );
    found.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

const self = brought(await api.GET("/me"));
const controls = await allControls();
const run = brought(await api.POST("/controls/runs", { body: { controls: ["AUD-03"] } }));
const clauses = brought(await api.GET("/controls/{control}", { params: { path: { control: "AUD-03" } } }));

/* A figure, changed only as it was read. */
const where = { path: { name: "cost.audit" } };
brought(await api.PUT("/register/{name}", { params: where, body: { value: "1200" } }));
const read = await api.GET("/register/{name}", { params: where });
const etag = read.response.headers.get("etag") ?? "";
const write = (value: string) =>
  api.PUT("/register/{name}", { params: { ...where, header: { "If-Match": etag } }, body: { value } });
const first = await write("1300");
const second = await write("1400");

const missing = await api.GET("/controls/{control}", { params: { path: { control: "NO-99" } } });

/* Never run: what the document does not have. */
export async function refusedByTheCompiler(): Promise<void> {
  // @ts-expect-error there is no such path
  await api.GET("/control");
  // @ts-expect-error this path takes no DELETE
  await api.DELETE("/controls");
  // @ts-expect-error a member has another type
  await api.POST("/controls/runs", { body: { controls: "AUD-03" } });
  // @ts-expect-error a member is missing
  await api.PUT("/register/{name}", { params: where, body: {} });
  // @ts-expect-error there is no such member
  self.password;
}

console.log(
  JSON.stringify({
    kind: self.kind,
    controls: controls.map((control) => control.id),
    passed: run.passed,
    clauses: clauses.data.map((clause) => clause.clause),
    value: read.data?.value,
    first: first.response.status,
    second: second.response.status,
    missing: missing.error,
  }),
);
