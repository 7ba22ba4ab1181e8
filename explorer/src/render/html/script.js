(() => {
"use strict";
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const bar = one("#bar"), find = one("#find"), found = one("#found"), help = one("#help"), single = one("#single");
const begin = new Set(all("details[open]"));
bar.hidden = false;

// Trees: lists of details become what ARIA calls a tree, when they are first seen.
const done = new WeakSet();
const grow = (list, level) => {
  if (done.has(list)) return;
  done.add(list);
  list.setAttribute("role", level > 1 ? "group" : "tree");
  const items = [...list.children];
  items.forEach((item, at) => {
    const box = item.firstElementChild;
    let row = item;
    if (box && box.localName === "details") {
      row = document.createElement("div");
      row.className = "row";
      row.append(...box.firstElementChild.childNodes);
      const inner = document.createElement("div");
      inner.append(...[...box.childNodes].slice(1));
      if (inner.firstElementChild.localName === "ul") inner.setAttribute("role", "none");
      box.replaceWith(row, inner);
      item.setAttribute("aria-expanded", box.open);
      inner.hidden = !box.open;
      if (!box.open) inner.setAttribute("hidden", "until-found");
      else ripe(item, level);
    }
    item.setAttribute("role", "treeitem");
    item.setAttribute("aria-label", [...row.children].filter((part) => part.localName !== "div").map((part) => part.textContent).join(" ") || item.textContent);
    item.setAttribute("aria-level", level);
    item.setAttribute("aria-setsize", items.length);
    item.setAttribute("aria-posinset", at + 1);
    item.tabIndex = level === 1 && at === 0 ? 0 : -1;
    all("a", row).forEach((link) => { link.tabIndex = -1; });
  });
};
const ripe = (item, level) => {
  const list = one(":scope > div:last-child > ul", item);
  if (list) grow(list, level + 1);
};
const level = (item) => Number(item.getAttribute("aria-level"));
const isOpen = (item) => item.getAttribute("aria-expanded");
const open = (item, yes) => {
  if (isOpen(item) === null || isOpen(item) === String(yes)) return;
  if (yes) ripe(item, level(item));
  item.setAttribute("aria-expanded", yes);
  const inner = item.lastElementChild;
  if (yes) inner.hidden = false;
  else inner.setAttribute("hidden", "until-found");
};
const trees = (root) => {
  all(".tree", root).forEach((tree) => grow(tree, 1));
  // A stop for the tab key where there is something to scroll, and only there.
  all(".src, .text", root).forEach((code) => {
    if (code.clientWidth) code.tabIndex = code.scrollWidth > code.clientWidth || code.scrollHeight > code.clientHeight + 1 ? 0 : -1;
    const mark = one("mark", code);
    if (mark && mark.offsetLeft > code.clientWidth * 0.7) code.scrollLeft = mark.offsetLeft - code.clientWidth / 3;
  });
};
const openAll = (root) => {
  const items = all("[role=treeitem][aria-expanded=false]", root);
  items.forEach((item) => open(item, true));
  if (items.length) openAll(root);
};
const growAll = () => {
  trees(document);
  for (let more = true; more;) {
    more = false;
    all("[role=treeitem][aria-expanded]").forEach((item) => {
      const list = one(":scope > div:last-child > ul", item);
      if (list && !done.has(list)) { more = true; grow(list, level(item) + 1); }
    });
  }
};
document.addEventListener("toggle", (event) => { if (event.target.open) trees(event.target); }, true);
document.addEventListener("beforematch", (event) => {
  const item = event.target.closest("[role=treeitem]");
  if (item) open(item, true);
}, true);
begin.forEach(trees);
all(".own, .glance").forEach(trees);

// The way to a place: everything around it is opened.
const show = (place) => {
  growAll();
  for (let at = place.parentElement; at; at = at.parentElement) {
    if (at.localName === "details") at.open = true;
    else if (at.getAttribute("role") === "treeitem") open(at, true);
  }
  if (place.localName === "details") place.open = true;
};
const focus = (item) => {
  const tree = item.closest(".tree");
  if (tree && item.getAttribute("role") === "treeitem") {
    all("[role=treeitem][tabindex='0']", tree).forEach((other) => { other.tabIndex = -1; });
    item.tabIndex = 0;
  }
  (item.localName === "details" ? item.firstElementChild : item).focus();
};
const follow = () => {
  const place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place) { show(place); place.scrollIntoView({ block: "nearest" }); focus(place); }
};
addEventListener("hashchange", follow);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.hash === location.hash) { event.preventDefault(); follow(); }
  const row = event.target.closest(".row");
  if (row && !event.target.closest("a") && !String(getSelection())) {
    const item = row.parentElement;
    open(item, isOpen(item) === "false");
    focus(item);
  }
});

// Frames.
const isSeen = (node) => !(node.localName === "summary" ? node.parentElement : node).parentElement.closest("details:not([open])");
const step = (selector, by) => {
  const stops = all(selector).filter(isSeen);
  const here = document.activeElement;
  const holds = (stop) => (stop.localName === "summary" ? stop.parentElement : stop).contains(here);
  let at = stops.map(holds).lastIndexOf(true);
  if (at < 0) {
    at = stops.findIndex((stop) => here.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING);
    if (at < 0) at = stops.length;
    if (by > 0) at -= 1;
  }
  const next = stops[Math.min(Math.max(at + by, 0), stops.length - 1)];
  if (next) { focus(next); next.scrollIntoView({ block: "nearest" }); }
};
const press = (button, yes) => one(button).setAttribute("aria-pressed", yes);
const isPressed = (button) => one(button).getAttribute("aria-pressed") === "true";
const everything = () => {
  const yes = !isPressed("#all");
  press("#all", yes);
  all(".frame.app, .own").forEach((frame) => {
    if (yes) {
      if (frame.localName === "details") frame.open = true;
      trees(frame.parentElement);
      openAll(frame);
    } else {
      if (frame.localName === "details") frame.open = begin.has(frame);
      all("[role=treeitem][aria-expanded=true]", frame).forEach((item) => open(item, false));
    }
  });
};
const libraries = () => {
  const yes = !isPressed("#libs");
  press("#libs", yes);
  all(".fold").forEach((fold) => { fold.open = yes; });
};

// Search.
let hits = [], hit = -1, last = "", before = null;
const PLACES = "h1, .message, .frame > summary, .src > span, .tree li:not(.x), .tree .row, .tree .text, dd, .exception > h2";
const go = (by) => {
  if (hits[hit]) hits[hit].classList.remove("hit");
  if (!hits.length) return;
  hit = (hit + by + hits.length) % hits.length;
  const place = hits[hit];
  show(place);
  place.classList.add("hit");
  place.scrollIntoView({ block: "center" });
  found.textContent = `${hit + 1} of ${hits.length}`;
};
const search = () => {
  const words = find.value.trim().toLowerCase();
  if (words === last) return;
  last = words;
  if (hits[hit]) hits[hit].classList.remove("hit");
  hits = []; hit = -1; found.textContent = "";
  if (!words) return;
  growAll();
  hits = all(PLACES).filter((place) => place.textContent.toLowerCase().includes(words));
  if (hits.length) go(1);
  else found.textContent = "nothing";
};
let waits = 0;
find.addEventListener("input", () => { clearTimeout(waits); waits = setTimeout(search, 120); });
find.addEventListener("focus", (event) => { if (event.relatedTarget) before = event.relatedTarget; });
find.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    if (find.value.trim().toLowerCase() !== last) search();
    else go(event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    const place = hits[hit];
    find.value = ""; search();
    find.blur();
    const stop = place && place.closest("[role=treeitem], .frame");
    if (stop) focus(stop);
    else if (before && before.isConnected) before.focus();
  }
});

// Keys.
const store = (value) => {
  try { return value === undefined ? localStorage.getItem("stillframe.keys") : localStorage.setItem("stillframe.keys", value); } catch { return null; }
};
single.checked = store() !== "off";
single.addEventListener("change", () => store(single.checked ? "on" : "off"));
const explain = () => help.showModal();
one("#close").addEventListener("click", () => help.close());
one("#all").addEventListener("click", everything);
one("#libs").addEventListener("click", libraries);
one("#keys").addEventListener("click", explain);
const KEYS = {
  j: () => step(".frame > summary, .fold > summary", 1), k: () => step(".frame > summary, .fold > summary", -1),
  "]": () => step(".exception", 1), "[": () => step(".exception", -1),
  w: (item) => { const chip = item && one(":scope > a.chip, :scope > .row > a.chip", item); if (chip) chip.click(); },
  e: everything, l: libraries, "/": () => find.focus(), "?": explain,
  g: () => { scrollTo(0, 0); document.activeElement.blur(); },
};
const inTree = (event, item) => {
  const seen = all("[role=treeitem]", item.closest("[role=tree]")).filter((other) => !other.parentElement.closest("[hidden]"));
  const at = seen.indexOf(item), state = isOpen(item);
  const link = one(state === null ? ":scope > a:not(.chip), :scope > a" : ":scope > .row > a:not(.chip)", item);
  switch (event.key) {
    case "ArrowDown": return seen[at + 1];
    case "ArrowUp": return seen[at - 1];
    case "Home": return seen[0];
    case "End": return seen[seen.length - 1];
    case "ArrowRight": if (state === "false") { open(item, true); return item; } return state === "true" && level(seen[at + 1] || item) > level(item) ? seen[at + 1] : item;
    case "ArrowLeft": if (state === "true") { open(item, false); return item; } return item.parentElement.closest("[role=treeitem]") || item;
    case "*": [...item.parentElement.children].forEach((other) => open(other, true)); return item;
    case "Enter": case " ": if (link && link.href) link.click(); else if (state) open(item, state === "false"); return link && link.href ? null : item;
    default: return undefined;
  }
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open || event.target === find) return;
  const item = event.target.closest("[role=treeitem]");
  if (item && event.target === item) {
    const next = inTree(event, item);
    if (next !== undefined) {
      event.preventDefault();
      if (next) { focus(next); next.scrollIntoView({ block: "nearest" }); }
      return;
    }
    if (event.key.startsWith("Arrow")) { event.preventDefault(); return; }
  }
  if (single.checked && Object.hasOwn(KEYS, event.key)) {
    event.preventDefault();
    KEYS[event.key](item);
  }
});
addEventListener("load", () => setTimeout(follow));
})();
