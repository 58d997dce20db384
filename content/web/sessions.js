// One's own sessions: see them, end them.
import { ask, explain, say } from "/web/api.js";

const rows = document.getElementById("rows");
const state = document.getElementById("state");

const time = (text) => (text ? new Date(text).toLocaleString() : "");

function cell(text, name) {
  const one = document.createElement("td");
  one.textContent = text || "";
  if (name) one.className = name;
  return one;
}

function endButton(session) {
  const one = document.createElement("td");
  if (session.current) {
    one.textContent = "this one";
    return one;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small second";
  button.textContent = "End";
  button.setAttribute("aria-label", "End the session of " + (session.agent || session.id));
  button.addEventListener("click", () => act(() => ask("DELETE", "/me/sessions/" + encodeURIComponent(session.id))));
  one.append(button);
  return one;
}

function row(session) {
  const one = document.createElement("tr");
  one.dataset.id = session.id;
  one.append(
    cell(session.agent, "agent"),
    cell(session.ip),
    cell(time(session.created_at)),
    cell(time(session.seen_at)),
    endButton(session),
  );
  return one;
}

async function load() {
  const answer = await ask("GET", "/me/sessions");
  const open = answer.data.filter((session) => session.open);
  rows.replaceChildren(...open.map(row));
  say(state, open.length === 1 ? "1 session" : open.length + " sessions", "");
}

async function act(change) {
  try {
    if (change) await change();
    await load();
  } catch (problem) {
    if (problem.status === 401) location.replace("/signin");
    else say(state, explain(problem), "bad");
  }
}

document.getElementById("sign-out").addEventListener("click", () =>
  act(async () => {
    await ask("POST", "/auth/sign-out", {});
    location.replace("/signin");
  }),
);
document.getElementById("end-others").addEventListener("click", () => act(() => ask("DELETE", "/me/sessions")));
act();
