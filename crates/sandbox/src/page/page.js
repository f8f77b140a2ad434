"use strict";

const SWITCHES = [
  ["Down", "down"],
  ["429", "429:retry-after=2"],
  ["429 with a date", "429:retry-after=2:form=date"],
  ["503", "503"],
  ["Slow", "slow:ms=2000"],
  ["Reset after the write", "reset"],
  ["Late write", "late:ms=20000"],
  ["Search lag", "search-lag:ms=10000"],
  ["HTML 404", "html-404"],
  ["Bare 409", "bare-409"],
  ["No uniqueness", "no-uniqueness"],
  ["Ignored deactivation", "ignored-deactivation"],
];
const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const at = (id) => document.getElementById(id);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

function text(id, value) {
  const element = at(id);
  if (element.textContent !== String(value)) element.textContent = value;
}

// What was drawn last, by id: a row is drawn again, and flashes, only if it changed.
const drawn = { users: new Map(), groups: new Map() };

function draw(name, list, row, nothing) {
  const before = drawn[name];
  const first = before.size === 0;
  const now = new Map();
  for (const item of list) {
    const key = JSON.stringify(item);
    const old = before.get(item.id);
    if (old && old.key === key) {
      now.set(item.id, old);
      continue;
    }
    const element = row(item);
    if (!first) element.classList.add("new");
    now.set(item.id, { key, element });
  }
  drawn[name] = now;
  const elements = [...now.values()].map((entry) => entry.element);
  const box = at(name);
  const same = elements.length === box.children.length && elements.every((element, i) => element === box.children[i]);
  if (!same || elements.length === 0) box.replaceChildren(...(elements.length ? elements : [make("p", "empty", nothing)]));
}

function userRow(user) {
  const name = user.displayName || (user.name && (user.name.formatted || [user.name.givenName, user.name.familyName].filter(Boolean).join(" "))) || user.userName;
  const on = user.active === true;
  const row = make("div", on ? "row" : "row off");
  const initials = name.split(/[\s.@_-]+/).filter(Boolean).slice(0, 2).map((part) => part[0].toUpperCase()).join("");
  row.append(make("div", "face", initials));
  const who = make("div", "who");
  who.append(make("div", "name", name));
  const department = user[ENTERPRISE] && user[ENTERPRISE].department;
  const about = [user.userName, user.title, department].filter((part) => part && part !== name);
  who.append(make("div", "about", about.join(" · ")));
  row.append(who);
  const chips = make("div", "chips");
  for (const group of user.groups || []) chips.append(make("span", "chip", group.display || group.value));
  chips.append(make("span", on ? "chip good" : "chip bad", on ? "active" : "inactive"));
  row.append(chips);
  row.title = user.id + (user.externalId ? " · externalId " + user.externalId : "");
  return row;
}

function groupRow(group) {
  const row = make("div", "row");
  const who = make("div", "who");
  who.append(make("div", "name", group.displayName));
  row.append(who);
  const count = (group.members || []).length;
  row.append(make("span", "chip", count === 1 ? "1 member" : count + " members"));
  row.title = group.id;
  return row;
}

function readable(path) {
  try {
    return decodeURIComponent(path.replace(/\+/g, " "));
  } catch {
    return path;
  }
}

// Requests by their number; bodies are put in when they are opened.
const lines = new Map();

function requestLine(request) {
  const details = make("details");
  const summary = make("summary");
  summary.append(make("span", "method " + request.method, request.method));
  const path = make("code", "path", readable(request.path));
  path.title = request.path;
  const status = make("span", "chip status");
  const note = make("span", "note");
  summary.append(path, make("span", "when", new Date(request.at).toLocaleTimeString()), status, note);
  details.append(summary);
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("pre")) {
      details.append(make("pre", "", request.body === null ? "no body" : JSON.stringify(request.body, null, 2)));
    }
  });
  return { details, status, note };
}

function drawRequests(list) {
  const box = at("requests");
  const first = lines.size === 0;
  const kept = new Set(list.map((request) => request.number));
  for (const [number, line] of lines) {
    if (!kept.has(number)) {
      line.details.remove();
      lines.delete(number);
    }
  }
  for (const request of list) {
    let line = lines.get(request.number);
    if (!line) {
      if (first && lines.size === 0) box.replaceChildren();
      line = requestLine(request);
      if (!first) line.details.classList.add("new");
      lines.set(request.number, line);
      box.prepend(line.details);
    }
    const status = request.status === 0 ? "none" : String(request.status);
    if (line.status.textContent !== status) {
      line.status.textContent = status;
      line.status.title = request.status === 0 ? "no answer (yet)" : "";
      line.status.className = "chip status " + (request.status === 0 || request.status >= 500 ? "bad" : request.status >= 400 ? "warn" : "good");
    }
    if (line.note.textContent !== (request.note || "")) line.note.textContent = request.note || "";
  }
  if (lines.size === 0) box.replaceChildren(make("p", "empty", "No request yet. Point a SCIM client at the base URL above."));
}

async function faults(method, path, body) {
  text("problem", "");
  const answer = await fetch("/sandbox/faults" + path, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  if (answer.status === 400) text("problem", (await answer.json()).detail);
  await poll();
  return answer.ok;
}

let on = [];
const add = (text) => faults("POST", "", { add: text });

function drawFaults(list) {
  const key = JSON.stringify(list);
  if (key === drawn.faults) return;
  drawn.faults = key;
  on = list;
  for (const button of at("switches").children) {
    button.setAttribute("aria-pressed", String(list.some((fault) => fault.text === button.dataset.fault)));
  }
  at("faults").replaceChildren(
    ...list.map((fault) => {
      const item = make("li");
      const off = make("button", "", "Off");
      off.type = "button";
      off.setAttribute("aria-label", "Switch off " + fault.text);
      off.addEventListener("click", () => faults("DELETE", "/" + fault.id));
      item.append(make("code", "", fault.text), make("span", "", fault.fired === 0 ? "not met yet" : fault.fired === 1 ? "met once" : "met " + fault.fired + " times"), off);
      return item;
    }),
  );
}

for (const [label, fault] of SWITCHES) {
  const button = make("button", "quiet", label);
  button.type = "button";
  button.dataset.fault = fault;
  button.title = fault;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const active = on.find((other) => other.text === fault);
    if (active) faults("DELETE", "/" + active.id);
    else add(fault);
  });
  at("switches").append(button);
}

at("faultform").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = at("faulttext").value.trim();
  if (wanted && (await add(wanted))) at("faulttext").value = "";
});

at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(at("base").textContent);
    text("copy", "Copied");
    setTimeout(() => text("copy", "Copy"), 1200);
  } catch {
    getSelection().selectAllChildren(at("base"));
  }
});

function live(ok) {
  at("live").className = ok ? "live yes" : "live no";
  text("live", ok ? "live" : "the sandbox does not answer");
}

async function poll() {
  try {
    const state = await (await fetch("/sandbox/state", { cache: "no-store" })).json();
    text("base", location.origin + state.base);
    text("profile", state.profile + (state.alsoAtRoot ? ", also at " + location.origin + "/" : ""));
    text("active", state.active);
    text("inactive", state.users.total - state.active);
    text("groupcount", state.groups.total);
    text("requestcount", state.requests.total);
    const title = state.users.newest.length < state.users.total ? "Users (the newest " + state.users.newest.length + " of " + state.users.total + ")" : "Users";
    text("users-title", title);
    draw("users", state.users.newest, userRow, "No users yet.");
    draw("groups", state.groups.newest, groupRow, "No groups yet.");
    drawFaults(state.faults);
    drawRequests(state.requests.last);
    live(true);
  } catch {
    live(false);
  }
}

async function forever() {
  if (!document.hidden) await poll();
  setTimeout(forever, 1000);
}
document.addEventListener("visibilitychange", () => document.hidden || poll());
forever();
