// One browser for all tests, and pages that report everything they do.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const folder = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "pages");
const files = readdirSync(folder).filter((file) => file.endsWith(".html")).sort();

/** Names of whole pages, and of documents that hold two parts. */
export const pages = files.filter((file) => !file.endsWith(".part.html")).map((file) => file.slice(0, -5));
export const parts = files.filter((file) => file.endsWith(".part.html")).map((file) => file.slice(0, -5));
/** Those that are made to be hard; the others are what people have. */
export const hard = new Set(["attack", "deep", "hostile", "long", "many"]);

export const size = (name) => statSync(join(folder, `${name}.html`)).size;

let browser;
export const start = async () => {
  // The sandbox needs rights that a container does not give.
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
};
export const stop = () => browser.close();

/** Opens a page; `seen` collects messages, errors and requests. */
export const open = async (name, { width = 1400, height = 900, hash = "", ...options } = {}) => {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  const page = await context.newPage();
  const seen = { messages: [], requests: [] };
  page.on("console", (message) => seen.messages.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.messages.push(`error: ${error.message}`));
  page.on("request", (request) => seen.requests.push(request.url()));
  const address = `file://${join(folder, `${name}.html`)}`;
  await page.goto(address + hash);
  return { page, seen, address, close: () => context.close() };
};

/** Opens a page for a test, and closes it whatever happens. */
export const using = async (name, options, test) => {
  const opened = await open(name, options);
  try {
    return await test(opened.page, opened);
  } finally {
    await opened.close();
  }
};
