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
const byId = (id) => document.getElementById(id);

function createElement(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

function setText(id, value) {
  const element = byId(id);
  if (element.textContent !== String(value)) element.textContent = value;
}

// The rows on the page, by id. A row is rendered again, and flashes, only if its resource changed.
const rendered = { users: new Map(), groups: new Map() };

function renderRows(name, list, createRow, emptyText) {
  const before = rendered[name];
  const isFirst = before.size === 0;
  const rows = new Map();
  for (const item of list) {
    const key = JSON.stringify(item);
    const old = before.get(item.id);
    if (old && old.key === key) {
      rows.set(item.id, old);
      continue;
    }
    const element = createRow(item);
    if (!isFirst) element.classList.add("changed");
    rows.set(item.id, { key, element });
  }
  rendered[name] = rows;

  const elements = [...rows.values()].map((entry) => entry.element);
  const container = byId(name);
  const isSame =
    elements.length === container.children.length &&
    elements.every((element, i) => element === container.children[i]);
  if (elements.length === 0) {
    container.replaceChildren(createElement("p", "empty", emptyText));
  } else if (!isSame) {
    container.replaceChildren(...elements);
  }
}

function nameOf(user) {
  const { formatted, givenName, familyName } = user.name || {};
  const parts = [givenName, familyName].filter(Boolean).join(" ");
  return user.displayName || formatted || parts || user.userName;
}

function initialsOf(name) {
  const words = name.split(/[\s.@_-]+/).filter(Boolean).slice(0, 2);
  return words.map((word) => word[0].toUpperCase()).join("");
}

function createUserRow(user) {
  const name = nameOf(user);
  const isActive = user.active === true;
  const row = createElement("div", isActive ? "row" : "row off");
  row.append(createElement("div", "avatar", initialsOf(name)));

  const person = createElement("div", "person");
  person.append(createElement("div", "name", name));
  const department = user[ENTERPRISE] && user[ENTERPRISE].department;
  const about = [user.userName, user.title, department].filter((part) => part && part !== name);
  person.append(createElement("div", "about", about.join(" · ")));
  row.append(person);

  const chips = createElement("div", "chips");
  for (const group of user.groups || []) {
    chips.append(createElement("span", "chip", group.display || group.value));
  }
  const [chipClass, status] = isActive ? ["chip good", "active"] : ["chip bad", "inactive"];
  chips.append(createElement("span", chipClass, status));
  row.append(chips);

  row.title = user.id + (user.externalId ? " · externalId " + user.externalId : "");
  return row;
}

function createGroupRow(group) {
  const row = createElement("div", "row");
  const person = createElement("div", "person");
  person.append(createElement("div", "name", group.displayName));
  row.append(person);
  const count = (group.members || []).length;
  row.append(createElement("span", "chip", count === 1 ? "1 member" : count + " members"));
  row.title = group.id;
  return row;
}

function decodePath(path) {
  try {
    return decodeURIComponent(path.replace(/\+/g, " "));
  } catch {
    return path;
  }
}

// The requests on the page, by number. The body is rendered when the request is opened.
const requestRows = new Map();

function createRequestRow(request) {
  const details = createElement("details");
  const summary = createElement("summary");
  summary.append(createElement("span", "method " + request.method, request.method));
  const path = createElement("code", "path", decodePath(request.path));
  path.title = request.path;
  const status = createElement("span", "chip status");
  const note = createElement("span", "note");
  const time = createElement("span", "when", new Date(request.at).toLocaleTimeString());
  summary.append(path, time, status, note);
  details.append(summary);
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("pre")) {
      const body = request.body === null ? "no body" : JSON.stringify(request.body, null, 2);
      details.append(createElement("pre", "", body));
    }
  });
  return { details, status, note };
}

function statusClass(status) {
  if (status === 0 || status >= 500) return "bad";
  return status >= 400 ? "warn" : "good";
}

function renderRequests(list) {
  const container = byId("requests");
  const isFirst = requestRows.size === 0;
  const kept = new Set(list.map((request) => request.number));
  for (const [number, row] of requestRows) {
    if (!kept.has(number)) {
      row.details.remove();
      requestRows.delete(number);
    }
  }

  for (const request of list) {
    let row = requestRows.get(request.number);
    if (!row) {
      if (isFirst && requestRows.size === 0) container.replaceChildren();
      row = createRequestRow(request);
      if (!isFirst) row.details.classList.add("changed");
      requestRows.set(request.number, row);
      container.prepend(row.details);
    }

    const status = request.status === 0 ? "none" : String(request.status);
    if (row.status.textContent !== status) {
      row.status.textContent = status;
      row.status.title = request.status === 0 ? "no response yet" : "";
      row.status.className = "chip status " + statusClass(request.status);
    }
    if (row.note.textContent !== (request.note || "")) row.note.textContent = request.note || "";
  }

  if (requestRows.size === 0) {
    const hint = "No request yet. Set the base URL above in a SCIM client.";
    container.replaceChildren(createElement("p", "empty", hint));
  }
}

// The token of the sandbox, once it was asked for.
let token = null;

async function sendFaults(method, path, body) {
  setText("problem", "");
  const headers = {};
  if (body) headers["content-type"] = "application/json";
  if (token) headers.authorization = "Bearer " + token;
  const response = await fetch("/sandbox/faults" + path, {
    method,
    headers,
    body: body ? JSON.stringify(body) : undefined,
  });
  if (response.status === 401) {
    token = window.prompt("The bearer token of the sandbox (--token):");
    if (token) return sendFaults(method, path, body);
    setText("problem", "The switches need the token of the sandbox.");
  }
  if (response.status === 400) setText("problem", (await response.json()).detail);
  await poll();
  return response.ok;
}

let activeFaults = [];
const addFault = (text) => sendFaults("POST", "", { add: text });

function effectCount(fired) {
  if (fired === 0) return "no effect yet";
  return fired === 1 ? "1 effect" : fired + " effects";
}

function renderFaults(list) {
  const key = JSON.stringify(list);
  if (key === rendered.faults) return;
  rendered.faults = key;
  activeFaults = list;
  for (const button of byId("switches").children) {
    const isOn = list.some((fault) => fault.text === button.dataset.fault);
    button.setAttribute("aria-pressed", String(isOn));
  }
  byId("faults").replaceChildren(
    ...list.map((fault) => {
      const item = createElement("li");
      const switchOff = createElement("button", "", "Off");
      switchOff.type = "button";
      switchOff.setAttribute("aria-label", "Switch off " + fault.text);
      switchOff.addEventListener("click", () => sendFaults("DELETE", "/" + fault.id));
      const count = createElement("span", "", effectCount(fault.fired));
      item.append(createElement("code", "", fault.text), count, switchOff);
      return item;
    }),
  );
}

for (const [label, fault] of SWITCHES) {
  const button = createElement("button", "quiet", label);
  button.type = "button";
  button.dataset.fault = fault;
  button.title = fault;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const active = activeFaults.find((other) => other.text === fault);
    if (active) sendFaults("DELETE", "/" + active.id);
    else addFault(fault);
  });
  byId("switches").append(button);
}

byId("faultform").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fault = byId("faulttext").value.trim();
  if (fault && (await addFault(fault))) byId("faulttext").value = "";
});

byId("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(byId("base").textContent);
    setText("copy", "Copied");
    setTimeout(() => setText("copy", "Copy"), 1200);
  } catch {
    getSelection().selectAllChildren(byId("base"));
  }
});

function showConnection(ok) {
  byId("live").className = ok ? "live yes" : "live no";
  setText("live", ok ? "live" : "the sandbox does not respond");
}

function usersTitle({ total, newest }) {
  if (newest.length === total) return "Users";
  return "Users (the newest " + newest.length + " of " + total + ")";
}

async function poll() {
  try {
    const state = await (await fetch("/sandbox/state", { cache: "no-store" })).json();
    setText("base", location.origin + state.base);
    const root = state.alsoAtRoot ? ", also at " + location.origin + "/" : "";
    setText("profile", state.profile + root);
    setText("active", state.active);
    setText("inactive", state.users.total - state.active);
    setText("groupcount", state.groups.total);
    setText("requestcount", state.requests.total);
    setText("users-title", usersTitle(state.users));
    renderRows("users", state.users.newest, createUserRow, "No users yet.");
    renderRows("groups", state.groups.newest, createGroupRow, "No groups yet.");
    renderFaults(state.faults);
    renderRequests(state.requests.last);
    showConnection(true);
  } catch {
    showConnection(false);
  }
}

async function pollEverySecond() {
  if (!document.hidden) await poll();
  setTimeout(pollEverySecond, 1000);
}
document.addEventListener("visibilitychange", () => document.hidden || poll());
pollEverySecond();
