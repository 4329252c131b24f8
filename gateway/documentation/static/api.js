/** The API page: Swagger UI on this service's own document, filled in with whoever is signed in to the console. */

import * as accounts from "/console/accounts.js";

const TOKENS = {
  end_user: "end_user_token",
  developer: "developer_token",
  platform_operator: "operator_token",
  auditor: "auditor_token",
};
const KEYS = {
  "X-User-Role": "role",
  "X-Developer-Key": "developer_key",
  "X-Project-ID": "project",
  "X-API-Key": "api_key",
};
const status = document.getElementById("signed-in");

/** Use the code of a link that `exemplar up` prints; it must not stay in the history. */
async function useLink() {
  const code = /^#link=(.+)$/.exec(location.hash)?.[1];
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  try {
    await accounts.useLink(decodeURIComponent(code));
  } catch {
    status.textContent = "The link was used before, or is older than ten minutes: `exemplar open --docs` prints a new one.";
  }
}

/** Fill in the credentials of every account that is signed in. @param {any} ui */
function authorize(ui) {
  for (const { role, tokens, keys } of accounts.all()) {
    ui.preauthorizeApiKey(TOKENS[role], tokens.access_token);
    for (const [header, scheme] of Object.entries(KEYS)) {
      if (keys[header]) ui.preauthorizeApiKey(scheme, keys[header]);
    }
  }
  const names = accounts.all().map(({ email }) => email);
  if (names.length) status.textContent = `Requests are sent as ${names.join(" and ")}.`;
}

/**
 * Describe forms as Swagger UI shows them best: text that holds JSON is a text field, not a file, and what may be left
 * out is empty, not filled with the name of its type. @param {any} description
 */
function withForms(description) {
  for (const operation of Object.values(description.paths).flatMap(Object.values)) {
    const form = operation.requestBody?.content?.["multipart/form-data"];
    for (const [name, field] of Object.entries(form?.schema?.properties ?? {})) {
      delete field.contentMediaType;
      const given = field.items?.format === "binary" ? undefined : form.example?.[name];
      field.example = given ?? (field.type === "array" ? [] : "");
    }
  }
  return description;
}

const FORMS = {
  components: {
    JsonSchema_string_binary: () => null, // asked for, and not used, where several files may be chosen
    ParameterIncludeEmpty: () => null, // what is empty is not sent
  },
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: (/** @type {any} */ update) => (/** @type {any} */ read) => update(withForms(read)) } },
  },
};

await useLink();
const ui = SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("api"),
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [FORMS],
  onComplete: () => authorize(ui),
});
