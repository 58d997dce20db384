// Sign in, and accept an invitation: password, then code, recovery code or enrolment.
import { ask, explain, say } from "/web/api.js";

const form = (name) => document.getElementById("form-" + name);
const forms = ["password", "link", "code", "recovery", "enrol"].map(form).filter(Boolean);
let ticket = "";

function show(name) {
  for (const one of forms) one.hidden = one !== form(name);
  const first = form(name).querySelector("input:not([type=hidden])");
  if (first) first.focus();
}

// Send a form; while that lasts its button rests. What fails is said beside it.
function on(name, send) {
  const one = form(name);
  if (!one) return;
  one.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = one.querySelector("button[type=submit]");
    const message = one.querySelector(".message");
    button.disabled = true;
    say(message, "", "");
    try {
      await send(one);
    } catch (problem) {
      if (problem.status === 410 && name !== "link" && form("password")) {
        show("password");
        say(form("password").querySelector(".message"), "That took too long. Sign in again.", "bad");
      } else {
        say(message, explain(problem), "bad");
        const field = one.querySelector("input:not([type=hidden])");
        if (field) field.select();
      }
    } finally {
      button.disabled = false;
    }
  });
}

async function enrol() {
  const made = await ask("POST", "/auth/enrolment", { ticket });
  document.getElementById("qr").src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(made.svg);
  document.getElementById("secret").textContent = made.secret;
  show("enrol");
}

// What the server says after each step: a session, or what it wants besides.
async function proceed(outcome) {
  if (outcome.ticket) ticket = outcome.ticket;
  if (outcome.state === "mfa") show("code");
  else if (outcome.state === "enrol") await enrol();
  else location.replace("/sessions");
}

function showCodes(codes) {
  const list = document.getElementById("codes");
  for (const one of forms) one.hidden = true;
  list.replaceChildren(
    ...codes.map((code) => {
      const item = document.createElement("li");
      item.textContent = code;
      return item;
    }),
  );
  const section = document.getElementById("recovery-codes");
  section.hidden = false;
  section.querySelector("h1").focus();
}

const digits = (text) => text.replaceAll(" ", "");

on("password", async (one) => {
  const who = { email: one.email.value, password: one.password.value };
  const tenant = one.tenant.value.trim();
  if (tenant) who.tenant = tenant;
  const outcome = await ask("POST", "/auth/sign-in", who);
  one.password.value = "";
  await proceed(outcome);
});
on("link", async (one) => {
  const again = document.getElementById("again");
  if (one.password.value !== again.value) {
    say(one.querySelector(".message"), "The two passwords differ.", "bad");
    again.focus();
    return;
  }
  const outcome = await ask("POST", "/auth/invitation", { link: one.link.value.trim(), new_password: one.password.value });
  one.password.value = "";
  again.value = "";
  await proceed(outcome);
});
on("code", async (one) => proceed(await ask("POST", "/auth/totp", { ticket, code: digits(one.code.value) })));
on("recovery", async (one) => proceed(await ask("POST", "/auth/recovery", { ticket, code: one.recovery_code.value.trim() })));
on("enrol", async (one) => {
  const outcome = await ask("POST", "/auth/enrolment/confirm", { ticket, code: digits(one.code.value) });
  showCodes(outcome.recovery_codes);
});

document.getElementById("use-recovery").addEventListener("click", () => show("recovery"));
document.getElementById("use-code").addEventListener("click", () => show("code"));

// The link's code stands behind '#': it was never sent to a server, and leaves the address bar now.
if (form("link") && location.hash.length > 1) {
  form("link").link.value = decodeURIComponent(location.hash.slice(1));
  document.getElementById("link-field").hidden = true;
  document.getElementById("link-note").textContent = "It is the one you will sign in with from now on.";
  history.replaceState(null, "", location.pathname);
}
