/*
 * An OpenAPI document, and answers of the service it describes, before validators of others.
 *
 *   node openapi.mjs MODULES < {"document":{…},"answers":[{"name":"…","at":"/paths/…/schema","value":…}]}
 *
 * MODULES is a node_modules directory (tests/system/node/package.json). The document is held against the
 * OpenAPI Initiative's schema for 3.1, then every schema in it is compiled by ajv in strict mode (an
 * unknown keyword or format, a missing type, a required member without schema: each is an error), then
 * each answer against the schema at its JSON pointer. Prints {"schemas":N,"answers":N,"findings":[…]}.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const modules = resolve(process.argv[2]);
const load = createRequire(resolve(modules, "x.js"));
const Ajv = load("ajv/dist/2020.js").default;
const addFormats = load("ajv-formats").default;
const { Validator } = await import(pathToFileURL(resolve(modules, "@seriousme/openapi-schema-validator/index.js")));

const { document, answers } = JSON.parse(readFileSync(0, "utf-8"));
const findings = [];

const known = await new Validator().validate(structuredClone(document));
if (!known.valid) findings.push({ name: "document", errors: known.errors });

const ajv = new Ajv({ strict: true, allErrors: true, validateFormats: true });
addFormats(ajv);
ajv.addVocabulary(Object.keys(document)); // the document's own members are no keywords
ajv.addSchema(document, "api");

/* Where Schema Objects stand: components and "schema" of parameters and media types. */
function* schemasOf(node, at) {
  if (node === null || typeof node !== "object") return;
  for (const [key, value] of Object.entries(node)) {
    const below = `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (key === "schema" || at === "/components/schemas") yield below;
    else yield* schemasOf(value, below);
  }
}

const compiled = new Map();
for (const at of schemasOf(document, "")) {
  try {
    compiled.set(at, ajv.compile({ $ref: `api#${encodeURI(at)}` }));
  } catch (error) {
    findings.push({ name: at, errors: String(error) });
  }
}

for (const { name, at, value } of answers) {
  const validate = compiled.get(at);
  if (!validate) findings.push({ name, errors: `no schema at ${at}` });
  else if (!validate(value)) findings.push({ name, errors: validate.errors.slice(0, 5) });
}

console.log(JSON.stringify({ node: process.version, schemas: compiled.size, answers: answers.length, findings }));
