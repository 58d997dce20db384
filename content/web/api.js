// Requests to the API: JSON in, JSON out, the session's cookie by itself.

export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail || body.title || "The request failed.");
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch("/api/v1" + path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    throw new Problem(0, { title: "The server cannot be reached." }, 0);
  }
  const text = await answer.text();
  let data = {};
  try {
    data = text === "" ? {} : JSON.parse(text);
  } catch {
    data = {};
  }
  if (!answer.ok) throw new Problem(answer.status, data, Number(answer.headers.get("Retry-After")) || 0);
  return data;
}

// Say something beside a form: kind is "bad", "good" or "".
export function say(element, text, kind) {
  element.className = "message " + kind;
  element.textContent = text;
}

export function explain(problem) {
  if (problem.status === 429 && problem.retryAfter > 0) {
    return "Too many attempts. Try again in " + problem.retryAfter + " seconds.";
  }
  if (problem.status === 503) return "The service is busy or starting. Try again in a moment.";
  return problem.message.charAt(0).toUpperCase() + problem.message.slice(1) + (problem.message.endsWith(".") ? "" : ".");
}
