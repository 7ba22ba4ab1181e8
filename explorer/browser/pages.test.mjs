// What a reader of an exported page can rely on, tried in a real browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { contrasts } from "./contrast.mjs";
import { hard, open, pages, parts, size, start, stop, using } from "./browser.mjs";

before(start);
after(stop);

const keys = async (page, ...names) => { for (const name of names) await page.keyboard.press(name); };
const focused = (page) => page.evaluate(() => {
  const at = document.activeElement;
  return { role: at.getAttribute("role"), label: at.getAttribute("aria-label"), text: at.textContent.slice(0, 60), id: at.id, tag: at.localName };
});
const openFrames = (page) => page.$$eval(".frame[open]", (all) => all.length);
const rows = (page) => page.$$eval(".tree li", (all) => all.length);

test("there are pages to try", () => {
  assert.ok(pages.length >= 12 && parts.length === pages.length, `${pages}`);
});

for (const name of [...pages, ...parts]) {
  test(`${name}: silent, asks for nothing, holds nothing that runs`, () => using(name, {}, async (page, { seen, address }) => {
    await keys(page, "e", "l", "j", "?");
    assert.deepEqual(seen.messages, []);
    assert.deepEqual(seen.requests, [address]);
    const found = await page.evaluate(() => ({
      broken: window.broken,
      scripts: document.scripts.length,
      elements: [...new Set([...document.querySelectorAll("*")].map((element) => element.localName))],
      handlers: [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames()).filter((attribute) => attribute.startsWith("on") || attribute === "style"),
      links: [...document.querySelectorAll("[href], [src]")].map((element) => element.getAttribute("href") ?? element.getAttribute("src")),
      hidden: /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u206f\ufeff]/u.exec(document.body.textContent)?.[0],
    }));
    assert.equal(found.broken, undefined);
    assert.equal(found.scripts, name.endsWith(".part") ? 0 : 1);
    const known = ("html head meta title style body a div header h1 h2 h3 p pre span code b i small ul ol li main section nav aside details summary "
      + "mark time br dl dt dd footer dialog table tbody tr th td kbd label input button script").split(" ");
    assert.deepEqual(found.elements.filter((element) => !known.includes(element)), []);
    assert.deepEqual(found.handlers, []);
    assert.deepEqual(found.links.filter((link) => !/^(#|https?:)/.test(link)), []);
    assert.equal(found.hidden, undefined);
  }));

  test(`${name}: every link inside leads somewhere`, () => using(name, { javaScriptEnabled: false }, async (page) => {
    const dead = await page.$$eval("a[href^='#']", (links) => links.map((link) => link.getAttribute("href")).filter((href) => !document.getElementById(href.slice(1))));
    assert.deepEqual(dead, []);
  }));

  test(`${name}: of bounded size`, () => {
    const bound = hard.has(name.replace(".part", "")) ? 700_000 : 150_000;
    assert.ok(size(name) < bound, `${size(name)} bytes`);
  });

  // 700 is a window of 1400 at 200 %.
  for (const width of [320, 700, 1400]) {
    test(`${name}: nothing beside the window at ${width}`, () => using(name, { width }, async (page) => {
      await keys(page, "e", "l");
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(over, 0);
    }));
  }
}

for (const name of ["pricing", "gaps", "group", "types", "library", "pricing.part"]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${name}: contrast of at least 4.5, ${colorScheme}`, () => using(name, { colorScheme }, async (page) => {
      await keys(page, "l", "e");
      const measured = await page.evaluate(contrasts);
      assert.ok(measured.count > 40, `${measured.count} texts`);
      assert.deepEqual(measured.weak, []);
      if (!name.endsWith("part")) {
        await page.keyboard.press("?");
        const help = await page.evaluate(contrasts);
        assert.deepEqual(help.weak, []);
      }
    }));
  }
}

test("a part follows the theme of a notebook, and leaves the notebook alone", () => using("pricing.part", {}, async (page) => {
  const look = () => page.evaluate(() => getComputedStyle(document.querySelector(".stillframe")).backgroundColor);
  const light = await look();
  await page.evaluate(() => document.body.setAttribute("data-jp-theme-light", "false"));
  const dark = await look();
  assert.notEqual(light, dark);
  assert.deepEqual((await page.evaluate(contrasts)).weak, []);
  const outside = await page.evaluate(() => {
    const measure = () => { const p = document.body.appendChild(document.createElement("p")); const { font, color, margin } = getComputedStyle(p); p.remove(); return [font, color, margin]; };
    const with_ = measure();
    document.querySelectorAll("style").forEach((style) => style.remove());
    return [with_, measure()];
  });
  assert.deepEqual(outside[0], outside[1]);
}));

test("the answer is on the first screen", () => using("pricing", { height: 500 }, async (page) => {
  const text = await page.evaluate(() => [...document.querySelectorAll("h1, .glance mark, .glance .brief li")]
    .filter((part) => { const box = part.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight; }).map((part) => part.textContent));
  assert.deepEqual(text, ["KeyError: 'EUR'", "rate_table[currency]", "rate_table = {'USD': 1.08, 'GBP': 0.86}", "currency = 'EUR'"]);
}));

test("frames by keyboard", () => using("pricing", {}, async (page) => {
  await keys(page, "j");
  assert.match((await focused(page)).text, /Pricing\.convert/);
  assert.equal(await openFrames(page), 2);
  await keys(page, "Enter");
  assert.equal(await openFrames(page), 1);
  await keys(page, "j", "Enter");
  assert.match((await focused(page)).text, /Cart\.total/);
  assert.equal(await page.$eval(".frame.app:nth-of-type(2)", (frame) => frame.open), true);
  await keys(page, "j", "j");
  assert.match((await focused(page)).text, /6 frames of flask/);
  await keys(page, "k");
  assert.match((await focused(page)).text, /checkout/);
  await keys(page, "]");
  assert.equal((await focused(page)).id, "x1");
  await keys(page, "[");
  assert.equal((await focused(page)).id, "x0");
  await keys(page, "]", "j");
  assert.match((await focused(page)).text, /load/);
  await keys(page, "[");
  assert.equal((await focused(page)).id, "x0");
}));

test("library frames, everything, and back", () => using("pricing", {}, async (page) => {
  await keys(page, "l");
  assert.equal(await page.$eval(".fold", (fold) => fold.open), true);
  assert.equal(await page.$eval("#libs", (button) => button.getAttribute("aria-pressed")), "true");
  await keys(page, "l");
  assert.equal(await page.$eval(".fold", (fold) => fold.open), false);
  const before = await openFrames(page);
  await keys(page, "e");
  assert.equal(await openFrames(page), await page.$$eval(".frame.app", (all) => all.length));
  assert.equal(await page.$$eval(".frame.app [aria-expanded=false]", (all) => all.length), 0);
  await keys(page, "e");
  assert.equal(await openFrames(page), before);
  assert.equal(await page.$$eval(".frame [aria-expanded=true]", (all) => all.length), 0);
}));

test("a tree as ARIA has it, opened by keyboard", () => using("pricing", {}, async (page) => {
  const tree = page.getByRole("tree", { name: "Variables of Pricing.convert" });
  const self = tree.getByRole("treeitem", { name: /^self / });
  await self.focus();
  const attributes = (item) => item.evaluate((at) => ["aria-level", "aria-setsize", "aria-posinset", "aria-expanded", "tabindex"].map((name) => at.getAttribute(name)));
  assert.deepEqual(await attributes(self), ["1", "3", "1", "false", "0"]);
  await keys(page, "ArrowRight");
  assert.equal(await self.getAttribute("aria-expanded"), "true");
  await keys(page, "ArrowRight");
  assert.match((await focused(page)).label, /^base 'USD' str/);
  await keys(page, "ArrowDown");
  const rates = tree.getByRole("treeitem", { name: /^rates / });
  assert.match((await focused(page)).label, /^rates .*13 of 365: limits\.items dict · 365 entries$/);
  assert.deepEqual(await attributes(rates), ["2", "2", "2", "false", "0"]);
  await keys(page, "Enter", "ArrowRight");
  assert.match((await focused(page)).label, /2026, 11, 20.* → rate_table/);
  await keys(page, "Enter");
  assert.match((await focused(page)).label, /^rate_table /);
  await rates.focus();
  await keys(page, "w");
  assert.equal((await focused(page)).id, "why-collectionSize");
  await rates.focus();
  await keys(page, "End");
  assert.match((await focused(page)).label, /^day /);
  await keys(page, "Home");
  assert.match((await focused(page)).label, /^self /);
  await keys(page, "ArrowLeft");
  assert.equal(await self.getAttribute("aria-expanded"), "false");
  assert.equal(await rates.isVisible(), false);
  await keys(page, "ArrowDown");
  assert.match((await focused(page)).label, /^amount /);
  const stops = await page.$$eval("[role=tree]", (trees) => trees.map((tree) => tree.querySelectorAll("[tabindex='0']").length));
  assert.ok(stops.every((count) => count === 1), `${stops}`);
  const nested = await page.$$eval(".tree [role=group]", (groups) => groups.every((group) => group.closest("[role=treeitem]")));
  assert.ok(nested);
  const snapshot = await tree.ariaSnapshot();
  assert.match(snapshot, /tree "Variables of Pricing\.convert"/);
  assert.match(snapshot, /- treeitem "amount Decimal\('19\.90'\) Decimal"/);
}));

test("a tree by mouse", () => using("pricing", {}, async (page) => {
  await page.locator(".row", { hasText: "self" }).first().click();
  const self = page.getByRole("treeitem", { name: /^self / }).first();
  assert.equal(await self.getAttribute("aria-expanded"), "true");
  assert.equal(await self.getAttribute("tabindex"), "0");
}));

test("search finds what is closed and shows it", () => using("pricing", {}, async (page) => {
  await keys(page, "/");
  await page.keyboard.type("C-3");
  await page.waitForFunction(() => /of|nothing/.test(document.querySelector("#found").textContent));
  const hit = page.locator(".hit");
  assert.match(await page.textContent("#found"), /^1 of \d/);
  assert.match(await hit.textContent(), /C-3/);
  assert.ok(await hit.isVisible());
  await keys(page, "Enter");
  assert.match(await page.textContent("#found"), /^(2 of \d|1 of 1)/);
  await keys(page, "Escape");
  assert.equal(await page.locator(".hit").count(), 0);
  await keys(page, "/");
  await page.keyboard.type("no such text");
  await page.waitForFunction(() => document.querySelector("#found").textContent === "nothing");
}));

test("what the browser's own search finds is opened", () => using("pricing", {}, async (page) => {
  const opened = await page.evaluate(async () => {
    const item = document.querySelector("[role=treeitem][aria-expanded=false]");
    item.lastElementChild.dispatchEvent(new Event("beforematch", { bubbles: true }));
    return [item.getAttribute("aria-expanded"), item.lastElementChild.hidden];
  });
  assert.deepEqual(opened, ["true", false]);
}));

test("an address with a place opens the way to it", () => using("pricing", { hash: "#f2" }, async (page) => {
  await page.waitForFunction(() => document.querySelector("#f2").open);
  assert.match((await focused(page)).text, /checkout/);
}));

test("gaps lead to what can be done", () => using("gaps", {}, async (page) => {
  await page.locator("a.chip", { hasText: "limits.items" }).first().click();
  assert.match(page.url(), /#why-collectionSize$/);
  assert.match(await page.textContent("#why-collectionSize + dd"), /STILLFRAME_LIMITS_ITEMS=4/);
  const chips = await page.$$eval(".chip", (all) => all.map((chip) => chip.textContent));
  assert.match(await page.textContent(".frame.app .lib"), /^\d+ variables, \d+ hidden$/);
  for (const chip of ['redacted: name "password"', "2 of 365: limits.items", "no time left: limits.soft_time", "optimised out", "snapshot full: limits.values"]) {
    assert.ok(chips.some((text) => text.includes(chip)), `${chip} in ${chips}`);
  }
}));

test("help, and keys of a single letter off", () => using("pricing", {}, async (page) => {
  await keys(page, "?");
  assert.ok(await page.getByRole("dialog", { name: "Keys" }).isVisible());
  await page.getByLabel("keys of a single letter").uncheck();
  await keys(page, "Escape");
  assert.equal(await page.getByRole("dialog").isVisible(), false);
  await keys(page, "e", "l", "j", "/", "?");
  assert.equal(await openFrames(page), 2);
  assert.equal(await page.getByRole("dialog").isVisible(), false);
  await page.getByRole("button", { name: "Keys" }).click();
  await page.getByLabel("keys of a single letter").check();
  await page.getByRole("button", { name: "Close" }).click();
  await keys(page, "j");
  assert.match((await focused(page)).text, /Pricing\.convert/);
  await page.keyboard.press("Control+e");
  assert.equal(await openFrames(page), 2);
}));

const named = (page, name) => page.locator("summary").filter({ has: page.locator("b", { hasText: new RegExp(`^${name}$`) }) }).first();

test("without a script everything can be read", () => using("pricing", { javaScriptEnabled: false }, async (page) => {
  assert.equal(await page.locator("#bar").isVisible(), false);
  await named(page, "self").click();
  await named(page, "rates").click();
  assert.ok(await page.getByText("datetime.date(2026, 11, 8)").isVisible());
  await page.locator("summary", { has: page.locator(".fn", { hasText: "Cart.total" }) }).click();
  assert.ok(await page.getByText("[redacted: name \"email\"]").first().isVisible());
  await page.locator("summary", { hasText: "6 frames of flask" }).click();
  assert.ok(await page.getByText("flask/app.py:20").isVisible());
  const closed = await page.$$eval("body [hidden]", (all) => all.map((one) => one.id));
  assert.deepEqual(closed, ["bar"]);
}));

test("ten thousand values stay in bounds, opened too", () => using("many", {}, async (page) => {
  await keys(page, "e");
  assert.ok(await rows(page) < 3000, `${await rows(page)} rows`);
  const chips = await page.$$eval(".chip", (all) => all.map((chip) => chip.textContent).join("\n"));
  assert.match(chips, /9,900 more not on this page: stillframe show/);
  assert.match(chips, /variables not on this page/);
}));

test("nesting ends before the browser's own limit", () => using("deep", {}, async (page) => {
  await keys(page, "e");
  const depth = await page.evaluate(() => Math.max(...[...document.querySelectorAll("li")].map((at) => { let n = 0; for (; at; at = at.parentElement) n++; return n; })));
  assert.ok(depth < 100, `${depth}`);
}));

test("a long text is cut and says so", () => using("long", {}, async (page) => {
  await keys(page, "e");
  const chips = await page.$$eval(".chip", (all) => all.map((chip) => chip.textContent).join("\n"));
  assert.match(chips, /rest of what was kept is not on this page: stillframe show .* --json/);
}));

test("print: all on paper, no controls", async () => {
  const { page, close } = await open("pricing");
  try {
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("#bar").isVisible(), false);
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).colorScheme), "light");
    const paper = await page.pdf({ format: "A4" });
    assert.equal(paper.subarray(0, 5).toString(), "%PDF-");
  } finally {
    await close();
  }
});

test("the failing part of a long line is in sight", () => using("long", {}, async (page) => {
  const seen = await page.$$eval(".src mark", (marks) => marks.map((mark) => {
    const [inner, outer] = [mark.getBoundingClientRect(), mark.closest(".src").getBoundingClientRect()];
    return inner.left >= outer.left && inner.left < outer.right;
  }));
  assert.deepEqual(seen, [true, true]);
}));

test("no motion for those who ask for none", () => using("pricing", { reducedMotion: "reduce" }, async (page) => {
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior), "auto");
}));

if (process.env.SHOTS) {
  for (const [name, view] of [["pricing", {}], ["pricing", { colorScheme: "dark" }], ["pricing", { width: 320 }], ["library", {}], ["gaps", {}], ["pricing.part", {}]]) {
    test(`picture of ${name} ${JSON.stringify(view)}`, () => using(name, view, (page) => page.screenshot({
      path: `${process.env.SHOTS}/${name}-${view.colorScheme ?? "light"}-${view.width ?? 1400}.png`, fullPage: true })));
  }
}
