// Copy buttons beside ids, times that stay relative, and new events of the live page. All pages work without it.
"use strict";

for (const id of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy " + id.textContent);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(id.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  id.after(button);
}

const UNITS = [[31557600, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function age(time) {
  const seconds = Math.trunc((Date.now() - Date.parse(time)) / 1000);
  const unit = UNITS.find(([length]) => Math.abs(seconds) >= length);
  if (!unit) return "now";
  const text = Math.trunc(Math.abs(seconds) / unit[0]) + " " + unit[1];
  return seconds > 0 ? text + " ago" : "in " + text;
}

function refresh() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    if (!Number.isNaN(Date.parse(time.dateTime))) time.textContent = age(time.dateTime);
  }
}
setInterval(refresh, 10000);

const live = document.querySelector("[data-live]");
if (live && window.EventSource) {
  const rows = live.tBodies[0];
  const state = document.querySelector("[data-live-state]");
  const source = new EventSource(live.dataset.live);
  const cell = (name, text, className) => {
    const cell = document.createElement(name);
    cell.textContent = text;
    if (className) cell.className = className;
    return cell;
  };
  source.onopen = () => { state.textContent = "Following the log. New events appear here, the newest first."; };
  source.onerror = () => { state.textContent = "The connection ended; it is opened again."; };
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    const row = document.createElement("tr");
    const head = cell("th", "");
    head.scope = "row";
    const link = cell("a", event.position);
    link.href = live.dataset.events + event.position;
    head.append(link);
    const time = cell("time", age(event.time));
    time.dateTime = time.title = event.time;
    const last = cell("td", "", "time");
    last.append(time);
    row.append(head, cell("td", event.type, "type"), cell("td", event.tags), cell("td", event.payload, "payload"), cell("td", event.actor), last);
    rows.prepend(row);
    while (rows.rows.length > 200) rows.lastElementChild.remove();
  };
}
